"""Build flows: several Dockerfiles, one after the other, with files that go from one to the next (Habitus)."""
