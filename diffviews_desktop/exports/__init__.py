"""What is written for the user."""
