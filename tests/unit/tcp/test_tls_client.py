"""A client over TLS: the same steps and outcomes as over TCP, and a handshake of its own."""

from __future__ import annotations

import random
import re
import socket
import ssl
import threading
import time
from contextlib import suppress
from functools import partial
from typing import Any

import gevent
import pytest

from lockstep.tcp.addresses import AddressBook
from lockstep.tcp.endpoint import Endpoint
from lockstep.tcp.samples import Outcome, Phase
from tests.support.certificates import Authority, authority, over_tls
from tests.support.clients import PATIENCE_S, reset
from tests.support.peers import (
    COOPERATIVE,
    Book,
    Peer,
    Script,
    answers,
    echoes,
    read,
    stays_silent,
    until_closed,
)

ANSWERED = Outcome.ANSWERED


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def serving(trusted: Authority) -> ssl.SSLContext:
    return trusted.server()


def test_every_step_is_timed_and_the_handshake_apart_from_the_connect(
    book: Book, trusted: Authority, serving: ssl.SSLContext
) -> None:
    with Peer(over_tls(serving, answers(4, b"pong"))) as peer:
        client = book.client_of(trusted.endpoint(peer.port))
        assert client.connect() is ANSWERED
        assert client.request(b"ping", b"pong").payload == b"pong"
        assert client.close() is ANSWERED
    steps = [Phase.CONNECT, Phase.HANDSHAKE, Phase.MESSAGE, Phase.FIRST_REPLY, Phase.CLOSE]
    assert book.outcomes() == [(phase, ANSWERED) for phase in steps]
    connect, handshake = book.samples[:2]
    assert connect.end_ns <= handshake.start_ns < handshake.end_ns
    (message,) = book.of(Phase.MESSAGE)
    assert (message.sent_bytes, message.received_bytes) == (4, 4)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_later_connections_of_a_user_resume_its_session_and_are_counted(
    book: Book, trusted: Authority, version: str
) -> None:
    context = trusted.server(versions=version)
    addresses = AddressBook()
    with Peer(*[over_tls(context, answers(4, b"pong"))] * 3) as peer:
        client = book.client_of(trusted.endpoint(peer.port), addresses=addresses)
        for _ in range(3):
            assert client.request(b"ping", b"pong")
            client.close()
    assert (addresses.handshakes, addresses.resumed) == (3, 2)


def test_nothing_is_resumed_where_that_is_switched_off(book: Book, trusted: Authority) -> None:
    context, addresses = trusted.server(), AddressBook()
    with Peer(*[over_tls(context, answers(4, b"pong"))] * 2) as peer:
        client = book.client_of(trusted.endpoint(peer.port, resume=False), addresses=addresses)
        for _ in range(2):
            client.request(b"ping", b"pong")
            client.close()
    assert (addresses.handshakes, addresses.resumed) == (2, 0)


def test_tickets_that_come_unasked_are_no_bytes_of_anybodys(book: Book, trusted: Authority) -> None:
    """With TLS 1.3 they come after the handshake: a message that finds them in the socket is sent."""
    context = trusted.server(versions="1.3")
    assert context.num_tickets > 0
    with Peer(over_tls(context, echoes)) as peer:
        client = book.client_of(trusted.endpoint(peer.port))
        client.connect()
        time.sleep(0.05)
        assert client.request(b"ping", b"ping")
        assert client.request(b"ping", b"ping")
        client.close()
    assert {outcome for _, outcome in book.outcomes()} == {ANSWERED}


def test_what_comes_unasked_fails_the_message_that_meets_it(
    book: Book, trusted: Authority, serving: ssl.SSLContext
) -> None:
    said = threading.Event()

    def speaks(link: socket.socket) -> None:
        link.sendall(b"hello")
        said.set()
        until_closed(link)

    with Peer(over_tls(serving, speaks, says_goodbye=False)) as peer:
        client = book.client_of(trusted.endpoint(peer.port))
        client.connect()
        said.wait(PATIENCE_S)
        assert client.request(b"ping", b"ping").outcome is Outcome.MISMATCH
    (message,) = book.of(Phase.MESSAGE)
    assert message.detail == "bytes that nobody asked for: b'hello'"
    assert message.sent_bytes == 0


def test_a_peer_that_closes_without_a_word_in_tls_has_closed_nevertheless(
    book: Book, trusted: Authority, serving: ssl.SSLContext
) -> None:
    with Peer(over_tls(serving, answers(4, b"pong"), says_goodbye=False)) as peer:
        client = book.client_of(trusted.endpoint(peer.port))
        assert client.request(b"ping", b"pong")
        assert client.close() is ANSWERED


@pytest.mark.parametrize("says_goodbye", [True, False])
def test_who_left_before_we_did_left_in_peace(
    book: Book, trusted: Authority, serving: ssl.SSLContext, says_goodbye: bool
) -> None:
    gone = threading.Event()

    def leaves(link: socket.socket) -> None:
        with serving.wrap_socket(link, server_side=True) as tls:
            read(tls, 4)
            tls.sendall(b"pong")
            if says_goodbye:
                tls.setblocking(False)
                with pytest.raises(ssl.SSLWantReadError):
                    tls.unwrap()
        gone.set()

    with Peer(leaves) as peer:
        client = book.client_of(trusted.endpoint(peer.port))
        assert client.request(b"ping", b"pong")
        gone.wait(PATIENCE_S)
        assert client.close() is ANSWERED


def test_a_reply_that_is_cut_short_is_short(book: Book, trusted: Authority, serving: ssl.SSLContext) -> None:
    def halves(link: socket.socket) -> None:
        read(link, 5)
        link.sendall(b"po")

    for says_goodbye in (True, False):
        with Peer(over_tls(serving, halves, says_goodbye=says_goodbye)) as peer:
            client = book.client_of(trusted.endpoint(peer.port), framing="line")
            # Whoever says goodbye waits for ours.
            assert client.request(b"ping").outcome is Outcome.SHORT


def test_big_messages_both_ways_at_once_do_not_wait_for_each_other(
    book: Book, trusted: Authority, serving: ssl.SSLContext
) -> None:
    payloads = [bytes([65 + number % 26]) * 500_000 for number in range(20)]
    with Peer(over_tls(serving, echoes)) as peer:
        client = book.client_of(trusted.endpoint(peer.port))
        for payload in payloads:
            assert client.send(payload) is ANSWERED
        assert all(client.receive(payload) for payload in payloads)
        assert client.close() is ANSWERED


REFUSALS = [
    (
        "wrong name",
        {"server_name": "example.org"},
        "certificate verify failed: IP address mismatch|Hostname mismatch",
    ),
    ("unknown authority", {"ca": None}, "certificate verify failed: .*(issuer|self.signed)"),
    ("nothing in common", {"max_version": "1.2"}, "version"),
]


@pytest.mark.parametrize(("_case", "options", "words"), REFUSALS, ids=[case for case, _, _ in REFUSALS])
def test_a_handshake_that_one_of_both_does_not_want_is_refused_in_openssls_words(
    book: Book, trusted: Authority, _case: str, options: dict[str, Any], words: str
) -> None:
    context = trusted.server(versions="1.3")

    def refuses(link: socket.socket) -> None:
        with pytest.raises(OSError, match=r"SSL|alert"):
            context.wrap_socket(link, server_side=True)

    with Peer(refuses) as peer:
        client = book.client_of(trusted.endpoint(peer.port, **options))
        assert client.connect() is Outcome.REFUSED
        assert not client.connected
    connect, handshake = book.samples
    assert (connect.phase, connect.outcome) == (Phase.CONNECT, ANSWERED)
    assert (handshake.phase, handshake.outcome) == (Phase.HANDSHAKE, Outcome.REFUSED)
    assert handshake.detail.startswith("TLS: ")
    assert re.search(words, handshake.detail), handshake.detail


def test_with_verification_off_anybody_will_do(book: Book, trusted: Authority) -> None:
    context = trusted.server("example.org")
    with Peer(over_tls(context, answers(4, b"pong"))) as peer:
        endpoint = trusted.endpoint(peer.port, ca=None, verify=False)
        client = book.client_of(endpoint)
        assert client.request(b"ping", b"pong")
        client.close()
    assert "not checked" in endpoint.warnings[0]


def test_a_client_shows_its_own_certificate_where_it_is_asked(book: Book, trusted: Authority) -> None:
    context = trusted.server(ask_client=True)
    with Peer(over_tls(context, answers(4, b"pong"))) as peer:
        client = book.client_of(trusted.endpoint(peer.port, cert=trusted.cert, key=trusted.key))
        assert client.request(b"ping", b"pong")
        client.close()


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_who_has_none_to_show_is_refused_sooner_or_later(
    book: Book, trusted: Authority, version: str
) -> None:
    """With TLS 1.3 the server says so after the client's handshake is over."""
    context = trusted.server(ask_client=True, versions=version)

    def refuses(link: socket.socket) -> None:
        with pytest.raises(ssl.SSLError):
            context.wrap_socket(link, server_side=True)

    with Peer(refuses) as peer:
        client = book.client_of(trusted.endpoint(peer.port))
        assert client.request(b"ping", b"pong").outcome in (Outcome.REFUSED, Outcome.RESET)
    assert len(book.of(Phase.MESSAGE)) == 1


def test_the_first_protocol_that_both_know_is_agreed_on(book: Book, trusted: Authority) -> None:
    context, agreed = trusted.server(), list[str | None]()
    context.set_alpn_protocols(["mqtt"])

    def tells(link: socket.socket) -> None:
        assert isinstance(link, ssl.SSLSocket)
        agreed.append(link.selected_alpn_protocol())
        until_closed(link)

    with Peer(over_tls(context, tells)) as peer:
        client = book.client_of(trusted.endpoint(peer.port, alpn=("redis", "mqtt")))
        client.connect()
        client.close()
    assert agreed == ["mqtt"]


def test_a_handshake_has_a_deadline(book: Book, trusted: Authority) -> None:
    with Peer(stays_silent) as peer:
        client = book.client_of(trusted.endpoint(peer.port), timeout_s=0.1)
        assert client.connect() is Outcome.TIMEOUT
    assert book.outcomes() == [(Phase.CONNECT, ANSWERED), (Phase.HANDSHAKE, Outcome.TIMEOUT)]


def test_who_shakes_hands_can_be_stopped(book: Book, trusted: Authority) -> None:
    client = None

    def aborts(link: socket.socket) -> None:
        read(link, 1)
        book.waiting.prod(lambda: client.abort(stopped=True))  # type: ignore[attr-defined]
        with suppress(ConnectionResetError):
            until_closed(link)

    with Peer(aborts) as peer:
        client = book.client_of(trusted.endpoint(peer.port))
        assert client.connect() is Outcome.ABORTED
    assert book.outcomes() == [(Phase.CONNECT, ANSWERED), (Phase.HANDSHAKE, Outcome.ABORTED)]


def faulty(seed: int, serving: ssl.SSLContext) -> Script:
    """A peer that goes wrong somewhere: in the handshake, or after so many bytes of whatever it would say."""
    chance = random.Random(seed)
    fault = chance.choice(["close", "reset", "garbage", "flip"])
    after = chance.randrange(3000)

    def play(link: socket.socket) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = serving.wrap_bio(incoming, outgoing, server_side=True)
        shaken, sent = False, 0
        link.settimeout(0.2)
        try:
            while data := link.recv(65536):
                incoming.write(data)
                try:
                    if not shaken:
                        tls.do_handshake()
                        shaken = True
                    while heard := tls.read(65536):
                        tls.write(heard)
                except ssl.SSLWantReadError:
                    pass
                answer = outgoing.read()
                if sent + len(answer) > after:
                    at = after - sent
                    if fault == "flip":
                        answer = answer[:at] + bytes([answer[at] ^ 1]) + answer[at + 1 :]
                    else:
                        answer = answer[:at] + (b"garbage" * 20 if fault == "garbage" else b"")
                    link.sendall(answer)
                    if fault == "reset":
                        reset(link)
                    return
                sent += len(answer)
                link.sendall(answer)
        except OSError:
            pass

    return play


@pytest.mark.parametrize("seed", range(40))
def test_whatever_goes_wrong_each_message_has_one_outcome(
    book: Book, trusted: Authority, serving: ssl.SSLContext, seed: int
) -> None:
    with Peer(faulty(seed, serving)) as peer:
        client = book.client_of(trusted.endpoint(peer.port), timeout_s=1.0)
        asked = 0
        while asked < 60:
            asked += 1
            if not client.request(b"x" * 100, b"x" * 100):
                break
        client.abort()
        client.close()
    assert len(book.of(Phase.MESSAGE)) == asked
    assert sum(sample.outcome is not ANSWERED for sample in book.of(Phase.MESSAGE)) <= 1


def test_many_greenlets_share_a_process(trusted: Authority, serving: ssl.SSLContext) -> None:
    book = Book(COOPERATIVE)
    with Peer(*[over_tls(serving, answers(4, b"pong"))] * 5) as peer:
        clients = [book.client_of(trusted.endpoint(peer.port)) for _ in range(5)]

        def use(client: object) -> bool:
            return bool(client.request(b"ping", b"pong")) and client.close() is ANSWERED  # type: ignore[attr-defined]

        jobs = [gevent.spawn(partial(use, client)) for client in clients]
        gevent.joinall(jobs, timeout=PATIENCE_S, raise_error=True)
        assert all(job.value for job in jobs)


def test_a_hundred_big_messages_in_a_pipeline_do_not_wait_for_each_other(
    book: Book, trusted: Authority, serving: ssl.SSLContext
) -> None:
    payloads = [bytes([65 + number % 26]) * 500_000 for number in range(100)]
    with Peer(over_tls(serving, echoes)) as peer:
        client = book.client_of(trusted.endpoint(peer.port), framing="length")
        replies = client.pipeline(payloads)
        assert [reply.payload for reply in replies] == payloads
        assert client.close() is ANSWERED
    assert len(book.of(Phase.MESSAGE)) == 100


def test_who_has_said_goodbye_still_hears_the_peer_out(
    book: Book, trusted: Authority, serving: ssl.SSLContext
) -> None:
    def counts(link: socket.socket) -> None:
        heard = until_closed(link)
        link.sendall(b"%d" % len(heard))

    with Peer(over_tls(serving, counts)) as peer:
        client = book.client_of(trusted.endpoint(peer.port))
        assert client.send(b"x" * 1000, reply=False) is ANSWERED
        assert client.shutdown() is ANSWERED
        assert client.receive().payload == b"1000"
        assert client.receive().payload is None
    assert {outcome for _, outcome in book.outcomes()} == {ANSWERED}


def test_a_reset_asks_nobody_and_the_next_message_shakes_hands_again(
    book: Book, trusted: Authority, serving: ssl.SSLContext
) -> None:
    def is_reset(link: socket.socket) -> None:
        read(link, 4)
        link.sendall(b"pong")
        # Python's own end may take it for the end of the stream.
        with suppress(ConnectionResetError):
            assert until_closed(link) == b""

    addresses = AddressBook()
    says_nothing = over_tls(serving, is_reset, says_goodbye=False)
    with Peer(says_nothing, over_tls(serving, answers(4, b"pong"))) as peer:
        client = book.client_of(trusted.endpoint(peer.port), addresses=addresses)
        assert client.request(b"ping", b"pong")
        client.reset()
        assert client.request(b"ping", b"pong")
        client.close()
    assert (addresses.handshakes, addresses.resumed) == (2, 1)


def test_tls_to_an_ipv6_address_is_checked_by_that_address(
    book: Book, trusted: Authority, serving: ssl.SSLContext
) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        listener.settimeout(PATIENCE_S)
        script = over_tls(serving, answers(4, b"pong"))

        def play() -> None:
            link, _ = listener.accept()
            with link:
                script(link)

        threading.Thread(target=play, daemon=True).start()
        port = listener.getsockname()[1]
        url = str(trusted.endpoint(port, "::1", source=("::1",)))
        client = book.client_of(Endpoint.parse(url))
        assert client.request(b"ping", b"pong"), book.samples[-1]
        assert client.address == f"[::1]:{port}"
        client.close()
