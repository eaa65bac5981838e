"""What is written for a person."""
