"""What the command line does, as typed functions: no printing, no exit."""
