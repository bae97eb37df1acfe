"""Flame graphs of servers that a run starts: which profiler, what it says, and its stacks."""
