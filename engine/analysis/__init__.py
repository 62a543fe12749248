"""What a run comes to: performance statistics."""
