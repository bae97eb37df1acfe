"""Whom the load goes to: how a server is found, asked and started."""
