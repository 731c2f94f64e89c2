"""Pictures of a record: one file for each kind of figure."""
