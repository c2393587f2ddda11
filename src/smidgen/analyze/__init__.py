"""What is in images and programs, and what it costs."""
