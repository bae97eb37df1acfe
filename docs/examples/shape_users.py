"""What else Locust has works as ever: tags, a shape of one's own, listeners. Run it with `locust -f`."""

from locust import LoadTestShape, events, tag, task

from lockstep import TcpUser


class Stairs(LoadTestShape):
    def tick(self):
        return (5 if self.get_run_time() < 1 else 10, 50) if self.get_run_time() < 2 else None


@events.request.add_listener
def look(name, response, **_):
    assert name != "read" or response.payload == b"VALUE 1"


class Reader(TcpUser):
    framing = "line"

    @tag("read")
    @task
    def read(self):
        self.client.request(b"GET 1", expect=b"VALUE 1", name="read")
