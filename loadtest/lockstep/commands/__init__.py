"""The commands of `lockstep`, one a file; `lockstep/__main__.py` lists them.

They import what they need inside: only `compare` may bring in Locust, which takes real threads and locks
away.
"""
