"""Making data folders."""
