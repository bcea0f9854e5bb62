"""FORCE learning against the paper's claims: run `python -m experiments.force`."""
