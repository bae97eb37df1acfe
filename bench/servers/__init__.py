"""Servers to set beside ours: each takes a message, sends the same reply, and prints its port once ready."""
