"""What is changed in Locust for its workers' port, on both of its ends: three of its methods.

A stranger's connection is refused where there is a token, and a message that is none is left out, where
Locust's listener would end and its master seem healthy. To be called before there is a runner.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import gevent
import zmq.green as zmq
from locust.exception import RPCError
from locust.rpc import Message, zmqrpc
from locust.runners import MasterRunner
from zmq.utils.monitor import recv_monitor_message

from lockstep.settings import WORKER_TOKEN
from lockstep.worker_port.keys import secure
from lockstep.worker_port.messages import Complaints, read

logger = logging.getLogger(__name__)

# No report is larger, and a longer one would be taken into memory as a whole.
LARGEST_MESSAGE_BYTES = 1 << 28
_REFUSED = (
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)
_WORDS: dict[int, str] = {
    zmq.ROUTER: f"refused a peer at the workers' port: it has not the token of this master ({WORKER_TOKEN})",
    zmq.DEALER: f"the master refuses this worker: {WORKER_TOKEN} has to be the same for both",
}

_make_socket: Callable[..., None] = zmqrpc.BaseSocket.__init__
_handle_message = MasterRunner.handle_message


def guard_port(token: str | None) -> None:
    """Let Locust's sockets, made from now on, speak only with who has the token; None lets anybody speak.

    Either way its master leaves out what is no message.
    """

    def make_socket(self: Any, sock_type: int, ipv4_only: bool) -> None:
        _make_socket(self, sock_type, ipv4_only)
        self.socket.setsockopt(zmq.MAXMSGSIZE, LARGEST_MESSAGE_BYTES)
        if token is not None:
            secure(self.socket, token)
        gevent.spawn(_tell_refusals, self.socket.get_monitor_socket(_REFUSED), _WORDS[sock_type])

    zmqrpc.BaseSocket.__init__ = make_socket  # type: ignore[method-assign]
    zmqrpc.BaseSocket.recv_from_client = _receiver()  # type: ignore[method-assign]
    MasterRunner.handle_message = _handle  # type: ignore[method-assign]


def _receiver() -> Callable[[Any], tuple[str, Message]]:
    complaints = Complaints(
        lambda words: logger.warning("refused a message of a worker: %s", words), time.monotonic
    )

    def receive(self: Any) -> tuple[str, Message]:
        while True:
            try:
                frames = self.socket.recv_multipart()
            except zmq.ZMQError as error:
                raise RPCError("ZMQ network broken") from error
            try:
                return read(frames, Message.unserialize)
            except ValueError as flaw:
                complaints.note(str(flaw))
            # Of many at once none has to be waited for: the rest of the process would be.
            gevent.sleep(0)

    return receive


def _handle(self: MasterRunner, client_id: str, msg: Message) -> None:
    try:
        _handle_message(self, client_id, msg)
    except Exception:
        # One message's trouble must not end the listening to all others.
        logger.exception("a %s message of worker %s could not be heeded", msg.type, client_id)


def _tell_refusals(monitor: Any, words: str) -> None:
    """Until its socket is closed."""
    complaints = Complaints(logger.warning, time.monotonic)
    while True:
        event = recv_monitor_message(monitor)["event"]
        if event == zmq.EVENT_MONITOR_STOPPED:
            monitor.close()
            return
        complaints.note(words)
