"""What builds of other machines came to: ``--cache-from`` and ``--cache-to``."""
