"""The master's port for its workers: who is let in, and what may be said there."""
