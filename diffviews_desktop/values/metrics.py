"""What distances between activations are measured with."""

METRICS = ("euclidean", "cosine", "correlation")
