"""Ways to end a connection: half of it, after which the answer comes; and all of it at once, by a reset."""

from locust import task

from lockstep import TcpUser


class Sender(TcpUser):
    @task
    def half_close(self):
        self.client.send(b"one line\n", name="half-close")
        self.client.shutdown()
        self.client.receive(b"9 bytes\n")
        self.client.close()

    @task
    def reset(self):
        self.client.request(b"hello\n", expect=b"hello\n", name="hello")
        self.client.reset()
