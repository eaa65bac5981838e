"""Models: the interface, the registry, and the adapters of the EDM family."""
