"""Jobs, the engine that runs them, and the process and thread that host it."""
