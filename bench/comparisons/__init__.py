"""The comparisons, one a file: each a function of the settings that yields findings as it makes them."""
