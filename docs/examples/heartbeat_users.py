"""A heartbeat beside work: it goes out while the work is still under way, and its answer comes behind it."""

from locust import task

from lockstep import TcpUser


class Worker(TcpUser):
    framing = "line"

    @task
    def work(self):
        self.client.send(b"GET 1", name="work")
        self.client.send(b"GET 2", name="heartbeat")
        self.client.receive(b"VALUE 1")
        self.client.receive(b"VALUE 2")
