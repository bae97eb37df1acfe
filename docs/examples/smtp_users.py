"""A server that speaks first, and whose replies may have several lines: a mail server."""

import re

from locust import task

from lockstep import TcpUser, prefix, until

LAST_LINE = re.compile(rb"(?:^|\n)\d{3} [^\n]*\n")


class Mail(TcpUser):
    framing = until(LAST_LINE)

    def on_connect(self):
        self.client.receive(prefix(b"220 "))

    @task
    def greet(self):
        self.client.request(b"EHLO load.example\r\n", expect=prefix(b"250"), name="EHLO")
        self.client.request(b"NOOP\r\n", expect=prefix(b"250 "), name="NOOP")
