"""The load side: Locust users, the plan that drives them, and the report made of what they saw."""
