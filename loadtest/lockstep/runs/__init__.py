"""A run as records, and as files in its folder."""
