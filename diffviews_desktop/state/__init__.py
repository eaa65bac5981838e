"""All that the window shows."""
