"""What would make the image of a program smaller: each advice built, measured, and its price named."""
