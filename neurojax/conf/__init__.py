"""Settings of the command line: one file per command, and for each model the example that the bare command runs."""
