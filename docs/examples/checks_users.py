"""What a reply has to be, in every way it can be said."""

import re

from locust import task

from lockstep import TcpUser, prefix, size


class Checker(TcpUser):
    framing = "line"

    @task
    def check(self):
        self.client.request(b"GET 1", expect=re.compile(rb"^VALUE \d+$"), name="by pattern")
        self.client.request(b"GET 2", expect=prefix(b"VALUE "), name="by prefix", timeout=2)
        self.client.request(b"GET 3", expect=size(7), name="by size")
        with self.client.request(b"GET 4", name="by hand", catch=True) as reply:
            if reply.payload == b"VALUE 4":
                reply.success()
            else:
                reply.failure("another value")
