"""The Kuramoto model against its theory: run `python -m experiments.kuramoto`."""
