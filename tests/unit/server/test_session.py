"""A session over a joined pair of sockets: what it answers, what it counts, and what ends it."""

from __future__ import annotations

import contextlib
import logging
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from lockstep_server.accepting import RefusedError
from lockstep_server.event_loop import CoroutineSession
from lockstep_server.records import Cause
from lockstep_server.session import Session
from lockstep_server.socket_options import pack_timeval
from lockstep_server.work import get_work
from lockstep_wire.framing import framing_of
from lockstep_wire.greeting import ACKNOWLEDGEMENT
from lockstep_wire.push import pushed_ns
from tests.factories.sessions import LIMIT, Stage, make_stage

MakeStage = Callable[..., Stage]


@pytest.fixture
def peers() -> Iterator[list[socket.socket]]:
    """Those that are closed when the test is over."""
    peers: list[socket.socket] = []
    yield peers
    for peer in peers:
        peer.close()


def stage_maker(kind: type[Session], peers: list[socket.socket], **usual: object) -> MakeStage:
    def make(framing: str = "raw", reply: str = "ack", timing: bool = False, **changes: object) -> Stage:
        stage = make_stage(kind, framing, reply, timing, **(usual | changes))
        peers.append(stage.peer)
        return stage

    return make


@pytest.fixture
def stage(peers: list[socket.socket]) -> MakeStage:
    """Makes a Stage; keyword arguments say how it differs from a raw, acknowledging lock."""
    return stage_maker(Session, peers)


@pytest.fixture(params=[Session, CoroutineSession])
def either(request: pytest.FixtureRequest, peers: list[socket.socket]) -> MakeStage:
    """The same of sessions that block, and of those that await, which know no gate."""
    return stage_maker(request.param, peers)


@pytest.fixture(params=[(Session, False), (Session, True), (CoroutineSession, False)])
def any_way(request: pytest.FixtureRequest, peers: list[socket.socket]) -> MakeStage:
    """The same of sessions that pass a gate once, for every message, and not at all."""
    kind, by_message = request.param
    return stage_maker(kind, peers, by_message=by_message)


def read_all(peer: socket.socket) -> bytes:
    return b"".join(iter(lambda: peer.recv(65536), b""))


def test_the_bare_default_acknowledges_every_receive(either: MakeStage) -> None:
    it = either()
    it.peer.sendall("客户端1连接成功".encode())
    it.peer.shutdown(socket.SHUT_WR)
    assert it.play() is Cause.PEER
    assert read_all(it.peer) == ACKNOWLEDGEMENT == "收到客户端信息".encode()
    assert (it.record.received, it.record.answered) == (1, 1)
    assert (it.record.bytes_received, it.record.bytes_sent) == (22, 21)


def test_without_a_global_lock_no_two_sessions_receive_into_the_same_memory(
    stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shared(*_: object) -> None:
        raise AssertionError("its buffer is everybody's")

    monkeypatch.setattr("lockstep_server.session.serve_constant", shared)
    monkeypatch.setattr("lockstep_server.session._GIL", False)
    test_the_bare_default_acknowledges_every_receive(stage)


@pytest.mark.parametrize("framing", ["line", "length"])
@pytest.mark.parametrize("reply", ["ack", "echo"])
def test_framed_messages_are_answered_one_by_one_in_order(
    either: MakeStage, framing: str, reply: str
) -> None:
    cut, payloads = framing_of(framing), [b"one", b"", b"three"]
    it = either(framing, reply)
    it.peer.sendall(b"".join(map(cut.encode, payloads)))
    it.peer.shutdown(socket.SHUT_WR)
    assert it.play() is Cause.PEER
    wanted = payloads if reply == "echo" else [ACKNOWLEDGEMENT] * 3
    assert cut.decoder(LIMIT).feed(read_all(it.peer)) == wanted


def test_work_is_done_for_a_reply_that_never_varies_too(either: MakeStage) -> None:
    it = either(work=get_work("sleep", 1_000_000))
    it.peer.sendall(b"hello")
    it.peer.shutdown(socket.SHUT_WR)
    it.play()
    assert read_all(it.peer) == ACKNOWLEDGEMENT
    assert it.record.hold_ns is not None
    assert it.record.hold_ns >= 1_000_000


@pytest.mark.parametrize("framing", ["raw", "line", "length"])
def test_replies_begin_with_the_times_if_asked(either: MakeStage, framing: str) -> None:
    cut = framing_of(framing)
    it = either(framing, "echo", timing=True, work=get_work("sleep", 1_000_000))
    it.peer.sendall(cut.encode(b"hello"))
    it.peer.shutdown(socket.SHUT_WR)
    it.play()
    (reply,) = cut.decoder(200).feed(read_all(it.peer))
    wait_ns, service_ns, body = cut.timing.unpack(reply)
    assert body == b"hello"
    assert wait_ns == it.record.wait_ns
    assert service_ns >= 1_000_000


def test_only_the_first_reply_of_a_connection_carries_its_wait(either: MakeStage) -> None:
    length = framing_of("length")
    it = either("length", "echo", timing=True)
    it.peer.sendall(length.encode(b"a") + length.encode(b"b"))
    it.peer.shutdown(socket.SHUT_WR)
    it.play()
    first, second = (length.timing.unpack(reply) for reply in length.decoder(200).feed(read_all(it.peer)))
    assert first[0] > 0
    assert second[0] == 0


def test_message_by_message_every_reply_carries_its_own_wait_and_the_record_sums_them(
    stage: MakeStage,
) -> None:
    length = framing_of("length")
    it = stage("length", "echo", timing=True, by_message=True, work=get_work("cpu", 100_000))
    it.peer.sendall(length.encode(b"a") + length.encode(b"b"))
    it.peer.shutdown(socket.SHUT_WR)
    it.play()
    replies = [length.timing.unpack(reply) for reply in length.decoder(200).feed(read_all(it.peer))]
    assert it.record.wait_ns == sum(wait_ns for wait_ns, _, _ in replies)
    assert it.record.hold_ns is not None
    assert it.record.hold_ns >= sum(service_ns for _, service_ns, _ in replies) >= 200_000
    occupied = it.books.occupied()
    assert (occupied.max_in_service, occupied.released) == (1, 2)
    assert occupied.in_service_ns == occupied.held_ns == it.record.hold_ns


def leave(peer: socket.socket) -> None:
    peer.close()


def leave_in_mid_frame(peer: socket.socket) -> None:
    peer.sendall(b"\0\0\0\x09half")
    peer.close()


def announce_too_much(peer: socket.socket) -> None:
    peer.sendall(struct.pack(">I", LIMIT + 1))


def stay_silent(peer: socket.socket) -> None:
    pass


def stay_silent_in_mid_frame(peer: socket.socket) -> None:
    peer.sendall(b"\0\0")


def never_read(peer: socket.socket) -> None:
    peer.setblocking(False)
    try:
        while True:
            peer.sendall(framing_of("length").encode(b"x" * LIMIT) * 1000)
    except BlockingIOError:
        peer.setblocking(True)


MISBEHAVIOURS = [
    (leave_in_mid_frame, Cause.SHORT, "short (left in mid-frame)"),
    (announce_too_much, Cause.TOO_LONG, "too_long (a frame of at least 65 bytes, the limit is 64)"),
    (stay_silent, Cause.IDLE, "idle"),
    (stay_silent_in_mid_frame, Cause.IDLE, "idle (in mid-frame)"),
    (never_read, Cause.SLOW_READER, "slow_reader (did not take its reply in time)"),
]


@pytest.mark.parametrize(("misbehave", "cause", "told"), MISBEHAVIOURS)
def test_whoever_misbehaves_loses_the_connection_and_gives_back_the_permit(
    any_way: MakeStage,
    caplog: pytest.LogCaptureFixture,
    misbehave: Callable[[socket.socket], None],
    cause: Cause,
    told: str,
) -> None:
    it = any_way("length", "echo")
    misbehave(it.peer)
    assert it.play() is cause
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert warning.endswith(told)
    assert it.service.admission.acquire(blocking=False)  # type: ignore[call-arg]
    occupied = it.books.occupied()
    assert occupied.in_service == 0
    assert occupied.in_service_ns == occupied.held_ns == it.record.hold_ns
    assert it.books.totals().open == 0
    assert it.books.totals().causes[cause] == 1


@pytest.mark.parametrize(("misbehave", "cause"), [(stay_silent, Cause.IDLE), (never_read, Cause.SLOW_READER)])
def test_without_framing_silence_and_not_reading_end_the_connection_too(
    either: MakeStage, misbehave: Callable[[socket.socket], None], cause: Cause
) -> None:
    it = either("raw", "echo")
    misbehave(it.peer)
    assert it.play() is cause


@pytest.mark.parametrize("pause_s", [0.005, 1.0])
def test_a_message_has_its_time_however_it_drips(any_way: MakeStage, pause_s: float) -> None:
    it = any_way("length", "echo", message_timeout_ns=60_000_000, idle_timeout_ns=20 * 10**9)
    it.peer.sendall(framing_of("length").encode(b"whole") + b"\0\0\0\x40")
    over = threading.Event()

    def drip() -> None:
        # The session may end while a drop is on its way.
        with contextlib.suppress(ConnectionError):
            while not over.wait(pause_s):
                it.peer.sendall(b"x")

    dripping = threading.Thread(target=drip)
    it.session._link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, pack_timeval(20 * 10**9))
    dripping.start()
    cause = it.play()
    over.set()
    dripping.join(20)
    assert cause is Cause.SLOW_SENDER
    assert it.record.answered == 1


def test_a_message_that_is_whole_in_time_may_be_followed_by_another_that_has_its_own(
    any_way: MakeStage,
) -> None:
    length = framing_of("length")
    it = any_way("length", "echo", message_timeout_ns=10**10, idle_timeout_ns=0)
    frame = length.encode(b"x" * 40)
    playing = threading.Thread(target=it.play)
    playing.start()
    for _ in range(3):
        for piece in (frame[:3], frame[3:20], frame[20:] + frame[:1], frame[1:]):
            it.peer.sendall(piece)
    it.peer.shutdown(socket.SHUT_WR)
    assert length.decoder(LIMIT).feed(read_all(it.peer)) == [b"x" * 40] * 6
    playing.join(20)
    assert it.record.cause is Cause.PEER


def test_who_leaves_between_messages_is_no_matter_for_the_log(
    either: MakeStage, caplog: pytest.LogCaptureFixture
) -> None:
    it = either()
    leave(it.peer)
    with caplog.at_level(logging.INFO):
        assert it.play() is Cause.PEER
    assert not caplog.records


def test_what_happened_is_in_order_and_the_pause_keeps_the_permit_after_the_close(
    stage: MakeStage,
) -> None:
    it = stage(pause_ns=1_000_000)
    leave(it.peer)
    it.play()
    record = it.record
    assert record.admission_ns is not None
    assert record.close_ns is not None
    assert record.release_ns is not None
    assert record.arrival_ns <= record.admission_ns <= record.close_ns <= record.release_ns - 1_000_000


def test_a_session_that_is_cut_says_that_the_server_drained(either: MakeStage) -> None:
    it = either()
    it.session.cut()
    assert it.play() is Cause.DRAINED


def test_a_session_without_a_thread_is_refused_and_counted(either: MakeStage) -> None:
    it = either()
    it.session.refuse(RefusedError(Cause.OVERLOAD, "no thread", "ask for one"))
    assert it.record.cause is Cause.OVERLOAD
    assert it.books.occupied().waiting == 0
    assert it.peer.recv(1) == b""


def test_people_who_watch_see_characters_whole_though_segments_cut_them(
    either: MakeStage, caplog: pytest.LogCaptureFixture
) -> None:
    text = "收到".encode()
    with caplog.at_level(logging.DEBUG):
        it = either("length", "echo")
        for part in (text[:4], text[4:]):
            it.peer.sendall(framing_of("length").encode(part))
        it.peer.shutdown(socket.SHUT_WR)
        it.play()
    said = [record.getMessage() for record in caplog.records if " says " in record.getMessage()]
    assert [line.split("says ")[1] for line in said] == ["'收' (4 bytes)", "'到' (2 bytes)"]
    assert read_all(it.peer) == b"\0\0\0\x04" + text[:4] + b"\0\0\0\x02" + text[4:]


def test_without_permits_a_connection_is_out_of_service_before_its_peer_sees_the_close(
    either: MakeStage,
) -> None:
    it = either(limited=False)
    it.peer.shutdown(socket.SHUT_WR)
    it.play()
    assert it.record.release_ns is not None
    assert it.record.close_ns is not None
    assert it.record.release_ns <= it.record.close_ns


def test_a_session_that_pushes_does_so_until_its_peer_leaves(either: MakeStage) -> None:
    it = either("length", limited=False, push_ns=5_000_000)
    it.peer.settimeout(None)
    played = threading.Thread(target=it.play)
    played.start()
    decoder, pushed = framing_of("length").decoder(200), list[bytes]()
    while len(pushed) < 2:
        pushed += decoder.feed(it.peer.recv(65536))
    it.peer.close()
    played.join(20)
    assert it.record.cause is Cause.PEER
    assert all((pushed_ns(payload) or 1) % 5_000_000 == 0 for payload in pushed)
    assert it.record.answered >= 2
