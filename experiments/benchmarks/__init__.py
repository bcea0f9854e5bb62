"""How fast the simulator is, beside other programs and beside the limit of the machine."""
