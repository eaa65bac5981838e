"""Models of a third party and their adapters, written against the described interface alone."""
