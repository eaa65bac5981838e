"""What an experiment is made of: controls, judges, measures, and intervals around what it finds."""
