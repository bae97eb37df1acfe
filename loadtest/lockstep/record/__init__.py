"""What clients tell, in bulk: rows become histograms, outcomes, seconds and Locust's own table."""
