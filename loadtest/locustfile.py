"""What `locust -f loadtest/locustfile.py` loads: the users of Lockstep's own comparisons, and its page."""

from lockstep.locustfile import *  # noqa: F403
