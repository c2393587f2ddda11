"""What this machine can do for a user of smidgen, and how it gets what it lacks."""
