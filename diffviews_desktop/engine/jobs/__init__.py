"""What the engine can be asked to do, a file a topic: frozen values."""
