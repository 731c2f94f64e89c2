"""What a record tells of a usual evaluation: that it has no example of the training."""

USUAL_OVERLAP = {
    "shared_examples": 0.0,
    "compared_examples": 200.0,
    "passed_examples": 200.0,
    "training_examples": 1000.0,
    "evaluated_training_examples": 0.0,
    "known_training_examples": 1.0,
    "latest_training_examples": 500.0,
    "equal_pairs": 0.0,
    "looked_at_pairs": 500_000.0,
}
