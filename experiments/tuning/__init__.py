"""Tuning and control through simulations: run `python -m experiments.tuning`."""
