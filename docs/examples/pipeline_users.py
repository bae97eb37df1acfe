"""Many messages on their way at once, on one connection: replies are read while they are written."""

from locust import task

from lockstep import Resp, TcpUser

VALUE = b"x" * 50_000


class Loader(TcpUser):
    framing = Resp()

    @task
    def load(self):
        self.client.pipeline([(Resp.command("ECHO", VALUE), VALUE)] * 20, name="ECHO")
