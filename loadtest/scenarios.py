"""The shipped scenarios: what one connection does from connect to close.

Each is a function of a client and what it needs to know, so that it runs under Locust and in a plain thread
alike.
A message whose connection could not be opened counts as sent and carries the connect's outcome: nothing
goes missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import count

from loadtest.client import TcpClient
from loadtest.plan import Traffic
from loadtest.samples import Outcome, Phase, Sample

# What the teaching text's servers answer everything with.
GREETING_REPLY = "收到客户端信息".encode()

_ALPHABET = b"abcdefghijklmnopqrstuvwxyz"


def payloads(size: int) -> Iterator[bytes]:
    """Endless printable payloads of `size` bytes.

    They differ from one to the next, so that a reply to another message shows.
    """
    filler = (_ALPHABET * (size // len(_ALPHABET) + 1))[:size]
    for number in count():
        head = b"%08x" % (number & 0xFFFFFFFF)
        yield (head[-size:] if size < len(head) else head + filler[len(head) :])


class Conversation:
    """One user's way through a scenario, connection after connection.

    client: the connection. traffic: what to send. reply: `echo`, an exact text, or None (unchecked).
    goes_on: tells before each message whether the cell still runs. record: takes samples that are not the
    client's own.
    """

    def __init__(
        self,
        client: TcpClient,
        traffic: Traffic,
        reply: str | None,
        goes_on: Callable[[], bool],
        record: Callable[[Sample], None],
        number: int = 1,
    ) -> None:
        self.client = client
        self.traffic = traffic
        self.goes_on = goes_on
        self.record = record
        self.number = number
        self._reply = None if reply is None or reply == "echo" else reply.encode()
        self._echo = reply == "echo"
        self._payloads = payloads(traffic.payload_bytes)

    def say(self, payload: bytes | None = None) -> Outcome:
        """Send one message, the given one or the next of its kind, and check the reply."""
        payload = next(self._payloads) if payload is None else payload
        return self.client.request(payload, payload if self._echo else self._reply).outcome

    def open(self) -> Outcome:
        """Connect; where that fails, book the message that would have come first."""
        start_ns = time.monotonic_ns()
        outcome = self.client.connect()
        if outcome is not Outcome.ANSWERED:
            self.record(Sample(Phase.MESSAGE, outcome, start_ns, time.monotonic_ns(), detail="no connection"))
        return outcome


def session(talk: Conversation) -> None:
    """Connect, send the messages one after another, close."""
    start_ns = time.monotonic_ns()
    outcome = talk.open()
    for _ in range(talk.traffic.messages):
        if outcome is not Outcome.ANSWERED or not talk.client.connected or not talk.goes_on():
            break
        outcome = talk.say()
    closed = talk.client.close()
    worst = closed if outcome is Outcome.ANSWERED else outcome
    talk.record(Sample(Phase.SESSION, worst, start_ns, time.monotonic_ns()))


def greeting(talk: Conversation) -> None:
    """The teaching text's client: connect, greet once by number, take the reply, close."""
    start_ns = time.monotonic_ns()
    outcome = talk.open()
    if outcome is Outcome.ANSWERED:
        outcome = talk.say(f"客户端{talk.number}连接成功".encode())
    closed = talk.client.close()
    worst = closed if outcome is Outcome.ANSWERED else outcome
    talk.record(Sample(Phase.SESSION, worst, start_ns, time.monotonic_ns()))


def persistent(talk: Conversation) -> None:
    """One message on a connection that stays open; it is opened first, or again, where there is none."""
    if not talk.client.connected and talk.open() is not Outcome.ANSWERED:
        return
    talk.say()


SCENARIOS: dict[str, Callable[[Conversation], None]] = {
    "session": session,
    "greeting": greeting,
    "persistent": persistent,
}
