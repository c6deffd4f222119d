"""What was taught, who was there, and whether the family agrees."""
