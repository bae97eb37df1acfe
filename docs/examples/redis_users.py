"""Redis: two commands, each with a row of its own."""

from locust import task

from lockstep import Resp, TcpUser


class Redis(TcpUser):
    framing = Resp()

    def on_connect(self):
        self.client.request(Resp.command("SET", "k", "xxx"), expect=b"+OK", name="SET")

    @task
    def ping(self):
        self.client.request(Resp.command("PING"), expect=b"+PONG", name="PING")

    @task
    def get(self):
        self.client.request(Resp.command("GET", "k"), expect=b"xxx", name="GET")
