"""Files: data folders, activation arrays, layer cache, the bundled demo."""
