"""How often faults are found, and how often healthy trainings are suspected."""
