"""Running a root file system."""
