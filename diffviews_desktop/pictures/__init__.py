"""Pictures of other people: which files are decoded, and how, for the engine and the window."""
