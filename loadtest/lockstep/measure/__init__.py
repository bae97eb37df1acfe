"""One cell measured: what workers reported and the server recorded become one record. Pure functions."""
