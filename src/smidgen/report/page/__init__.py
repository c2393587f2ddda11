"""The page that ``smidgen explain --html`` writes: its style and its script, which are written into it."""
