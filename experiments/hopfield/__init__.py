"""Attractor memories against theory and other programs' numbers: run `python -m experiments.hopfield`."""
