"""The commands of `lockstep`, one a file; `program.py` lists them.

They import what they need inside: only `compare` may bring in Locust, which takes real threads and locks
away.
"""
