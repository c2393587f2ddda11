"""Results to text, pure functions."""
