"""The docks and windows around the map."""
