"""How fast our own parts are, beside what a user would pick instead. Ratios within one run; never a test."""
