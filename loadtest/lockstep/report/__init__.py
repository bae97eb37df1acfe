"""The report: pure functions of a run folder, never of a live run."""
