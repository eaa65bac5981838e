"""Reading and writing files: only regular ones, within bounds, never through a link."""
