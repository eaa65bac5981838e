"""Numbers: neighbours, reduction, UMAP. No model, no window."""
