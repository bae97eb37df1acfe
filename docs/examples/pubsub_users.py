"""Push: some users publish, others take what comes unasked."""

from locust import constant, task

from lockstep import Resp, TcpUser


class Subscriber(TcpUser):
    framing = "resp"

    def on_connect(self):
        # News may come right behind the confirmation: from here on all that comes is unasked.
        self.client.send(Resp.command("SUBSCRIBE", "news"), reply=False, name="SUBSCRIBE")
        self.client.receive()

    @task
    def news(self):
        self.client.receive(lambda push: Resp.value(push)[2] == b"hello")


class Publisher(TcpUser):
    framing, wait_time = "resp", constant(0.01)

    @task
    def publish(self):
        self.client.request(Resp.command("PUBLISH", "news", "hello"), name="PUBLISH")
