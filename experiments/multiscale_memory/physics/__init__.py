"""The physics of the multiscale memory against its closed forms: run `python -m experiments.multiscale_memory.physics`."""
