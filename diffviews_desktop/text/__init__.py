"""Texts of files as they are shown, printed and exported; words."""
