"""Pure functions over a run's records: no clock, no socket, no Locust."""
