"""A protocol of one's own: a type, two bytes of length (little-endian), a body; the answer is type 2."""

from locust import task

from lockstep import TcpUser, framed_by


def frame_end(held):
    return 3 + int.from_bytes(held[1:3], "little") if len(held) >= 3 else None


def message(kind, body):
    return bytes([kind]) + len(body).to_bytes(2, "little") + body


class Sensor(TcpUser):
    framing = framed_by(frame_end)

    @task
    def measure(self):
        self.client.request(message(1, b"temperature"), expect=message(2, b"21.5"), name="measure")
