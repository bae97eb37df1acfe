"""What Lockstep adds to Locust's web page."""
