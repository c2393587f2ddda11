"""The closure of a dynamic executable: every file that its loader opens before, and while, it runs."""
