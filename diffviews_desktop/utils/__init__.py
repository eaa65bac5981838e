"""What the described system calls utilities, under its names."""
