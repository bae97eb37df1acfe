"""Bytes to messages and back, for both ends of a connection. Nothing in here ever sees a socket."""
