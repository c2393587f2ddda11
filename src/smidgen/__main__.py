"""``python -m smidgen``."""

from smidgen.cli.entry import main

main()
