"""What an executable needs at run time, and the files that satisfy it."""
