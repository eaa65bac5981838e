"""The window: one panel a file. No torch here."""
