"""The networks of the EDM family, in plain PyTorch."""
