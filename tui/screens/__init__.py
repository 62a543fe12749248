"""The deck and what opens over it."""
