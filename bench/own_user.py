"""What somebody writes with Lockstep in the place of plain_user.py: the same messages, in ten lines.

`locust -f bench/own_user.py OwnUser`.
"""

from __future__ import annotations

from locust import task

from lockstep import TcpUser

PAYLOAD = b"x" * 64


class OwnUser(TcpUser):
    """Keeps its connection."""

    framing = "length"

    @task
    def exchange(self) -> None:
        """One message."""
        self.client.request(PAYLOAD, expect=PAYLOAD, name="exchange")
