"""Framings of real protocols, at the services that speak them: replies are cut right, errors are theirs."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from lockstep.tcp.client import TcpClient
from lockstep.tcp.samples import Outcome, Phase
from lockstep_wire.framings.memcached import Memcached
from lockstep_wire.framings.mqtt import Mqtt
from lockstep_wire.framings.postgresql import PostgreSQL
from lockstep_wire.framings.resp import Resp
from tests.support.peers import Book

pytestmark = pytest.mark.services

LARGE = bytes(range(256)) * 4096


@pytest.fixture
def book() -> Book:
    return Book()


def failures(book: Book) -> list[str]:
    return [sample.detail for sample in book.of(Phase.MESSAGE) if sample.outcome is not Outcome.ANSWERED]


def payload_of(client: TcpClient, request: bytes) -> bytes:
    payload = client.request(request).payload
    assert payload is not None
    return payload


def test_redis_says_what_it_is_asked(redis: int, book: Book) -> None:
    client = book.client(redis, framing="resp", max_frame=1 << 21)
    command = Resp.command
    assert client.request(b"PING", expect=b"+PONG")
    assert client.request(command("SET", "k", "xxx"), expect=b"+OK")
    assert client.request(command("GET", "k"), expect=b"xxx")
    assert client.request(command("GET", "nothing"), expect=b"$-1")
    assert client.request(command("SET", "large", LARGE), expect=b"+OK")
    assert client.request(command("GET", "large"), expect=LARGE)
    assert Resp.value(payload_of(client, command("RPUSH", "list", 1, 2, b"\r\n"))) == 3
    assert Resp.value(payload_of(client, command("LRANGE", "list", 0, -1))) == [b"1", b"2", b"\r\n"]
    assert failures(book) == []
    client.close()


def test_redis_speaks_resp3_once_it_is_asked_to(redis: int, book: Book) -> None:
    client = book.client(redis, framing="resp")
    hello: Any = Resp.value(payload_of(client, Resp.command("HELLO", 3)))
    assert hello[b"proto"] == 3
    assert client.request(Resp.command("GET", "nothing"), expect=b"_")
    client.request(Resp.command("ZADD", "z", 1.5, "a"))
    assert Resp.value(payload_of(client, Resp.command("ZSCORE", "z", "a"))) == 1.5
    client.close()


def test_an_error_of_redis_fails_its_message_and_the_connection_stays(redis: int, book: Book) -> None:
    client = book.client(redis, framing="resp")
    client.request(Resp.command("RPUSH", "l", 1))
    assert client.request(Resp.command("GET", "l"), expect=b"xxx").outcome is Outcome.ERROR
    assert client.request(b"NONSENSE").outcome is Outcome.ERROR
    assert client.request(b"PING", expect=b"+PONG")
    wrong_type, unknown = failures(book)
    assert wrong_type.startswith("WRONGTYPE Operation against a key")
    assert unknown.startswith("ERR unknown command")
    client.close()


def test_memcached_sets_gets_and_misses(memcached: int, book: Book) -> None:
    client = book.client(memcached, framing="memcached", max_frame=1 << 21)
    assert client.request(Memcached.set("k", "xxx"), expect=b"STORED")
    assert client.request(Memcached.get("k"), expect=b"VALUE k 0 3\r\nxxx\r\nEND")
    assert client.request(Memcached.get("nothing"), expect=b"END")
    tricky = b"END\r\nVALUE k 0 9\r\n"
    assert client.request(Memcached.set("tricky", tricky), expect=b"STORED")
    several = payload_of(client, Memcached.get("k", "nothing", "tricky"))
    assert Memcached.values(several) == {b"k": b"xxx", b"tricky": tricky}
    assert client.request(Memcached.delete("k"), expect=b"DELETED")
    assert payload_of(client, b"stats").endswith(b"END")
    assert payload_of(client, b"mg tricky v") == b"VA %d\r\n%b" % (len(tricky), tricky)
    assert client.request(b"mg nothing v", expect=b"EN")
    assert client.request(b"nonsense").outcome is Outcome.ERROR
    large = Memcached.set("large", bytes(2_000_000))
    assert client.request(large).outcome is Outcome.ERROR
    assert failures(book) == ["ERROR", "SERVER_ERROR object too large for cache"]
    client.close()


def test_postgresql_answers_queries_and_its_errors_are_failures(postgres: int, book: Book) -> None:
    client = book.client(postgres, framing="postgresql", max_frame=1 << 22)
    ready = payload_of(client, PostgreSQL.startup("postgres", application_name="lockstep"))
    assert PostgreSQL.messages(ready)[-1] == ("Z", b"I")
    two = payload_of(client, b"SELECT 1, NULL; SELECT 'a' WHERE false")
    assert PostgreSQL.rows(two) == [(b"1", None)]
    assert PostgreSQL.tags(two) == ["SELECT 1", "SELECT 0"]
    assert client.request(b"SELECT 1, NULL; SELECT 'a' WHERE false", expect=two)
    many = payload_of(client, PostgreSQL.query("SELECT repeat('x', 100) FROM generate_series(1, 20000)"))
    assert PostgreSQL.rows(many) == [(b"x" * 100,)] * 20_000
    assert client.request(b"SELECT * FROM nowhere").outcome is Outcome.ERROR
    assert client.request(b"DO $$ BEGIN RAISE NOTICE 'hello'; END $$").outcome is Outcome.ANSWERED
    assert failures(book) == ['ERROR: relation "nowhere" does not exist (42P01)']
    client.close()


def test_postgresql_says_why_nobody_is_let_in(postgres: int, book: Book) -> None:
    client = book.client(postgres, framing="postgresql")
    assert client.request(PostgreSQL.startup("nobody")).outcome is Outcome.ERROR
    assert failures(book) == ['FATAL: role "nobody" does not exist (28000)']


WAYS = {"clear": "password", "hashed": "md5", "scram": "scram-sha-256"}


@pytest.fixture(scope="module")
def passwords(postgres: int) -> int:
    """Three users, each with another way to show a password."""
    client = Book().client(postgres, framing="postgresql")
    payload_of(client, PostgreSQL.startup("postgres"))
    for user, way in WAYS.items():
        kept = "md5" if way == "md5" else "scram-sha-256"
        payload_of(client, f"SET password_encryption = '{kept}'".encode())
        payload_of(client, f"CREATE ROLE {user} LOGIN PASSWORD 'secret'".encode())
    [[file]] = PostgreSQL.rows(payload_of(client, b"SHOW hba_file"))
    assert file is not None
    lines = [
        *(f"host all {user} 127.0.0.1/32 {way}" for user, way in WAYS.items()),
        "host all all 127.0.0.1/32 trust",
    ]
    listed = ", ".join(f"'{line}'" for line in lines)
    payload_of(client, f"COPY (SELECT unnest(ARRAY[{listed}])) TO '{file.decode()}'".encode())
    payload_of(client, b"SELECT pg_reload_conf()")
    client.close()
    await_question(postgres)
    return postgres


def await_question(port: int) -> None:
    """Until the server has read who has to show a password: its reload is not awaited by what asks for it."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        client = Book().client(port, framing="postgresql")
        reply = payload_of(client, PostgreSQL.startup("clear", "postgres"))
        client.abort()
        if reply == b"R\0\0\0\x08\0\0\0\3":
            return
        time.sleep(0.1)
    raise AssertionError("the server asks for no password")


def log_in(client: TcpClient, user: str, password: str) -> None:
    login = PostgreSQL.login(user, "postgres", password)
    message: bytes | None = login.startup
    while message:
        message = login.answer(client.request(message).payload)


@pytest.mark.parametrize("user", WAYS)
def test_a_login_shows_its_password_in_whatever_way_it_is_asked_for(
    passwords: int, book: Book, user: str
) -> None:
    client = book.client(passwords, framing="postgresql")
    log_in(client, user, "secret")
    assert PostgreSQL.rows(payload_of(client, b"SELECT current_user")) == [(user.encode(),)]
    assert failures(book) == []
    client.close()


@pytest.mark.parametrize("user", WAYS)
def test_a_wrong_password_is_an_error_in_the_servers_words(passwords: int, book: Book, user: str) -> None:
    client = book.client(passwords, framing="postgresql")
    log_in(client, user, "wrong")
    assert failures(book) == [f'FATAL: password authentication failed for user "{user}" (28P01)']


def test_mosquitto_takes_and_gives_messages(mosquitto: int, book: Book) -> None:
    subscriber = subscribed(mosquitto, "a/#")
    publisher = book.client(mosquitto, framing="mqtt")
    assert publisher.request(Mqtt.connect("publisher"), expect=Mqtt.CONNACK)
    assert publisher.send(Mqtt.publish("a/b", b"x" * 300), reply=False) is Outcome.ANSWERED
    assert publisher.request(Mqtt.publish("a/c", b"two", qos=1, packet_id=9), expect=Mqtt.puback(9))
    assert publisher.request(Mqtt.PINGREQ, expect=Mqtt.PINGRESP)
    assert publisher.send(Mqtt.DISCONNECT, reply=False) is Outcome.ANSWERED
    publisher.close()
    assert failures(book) == []
    pushed: list[bytes] = []
    decoder = Mqtt().decoder(1000)
    with subscriber:
        while len(pushed) < 2:
            pushed += decoder.feed(subscriber.recv(7))
    assert [Mqtt.published(packet) for packet in pushed] == [("a/b", b"x" * 300), ("a/c", b"two")]


def subscribed(port: int, topic: str) -> socket.socket:
    """A connection to which the broker has promised this topic's messages."""
    link = socket.create_connection(("127.0.0.1", port), timeout=10)
    for packet, answer in (
        (Mqtt.connect("subscriber"), Mqtt.CONNACK),
        (Mqtt.subscribe(topic), Mqtt.suback()),
    ):
        link.sendall(packet)
        assert link.recv(len(answer), socket.MSG_WAITALL) == answer
    return link


def test_a_broker_that_refuses_is_an_error(mosquitto: int, book: Book) -> None:
    client = book.client(mosquitto, framing="mqtt")
    assert client.request(Mqtt.connect("", clean=False)).outcome is Outcome.ERROR
    assert failures(book) == ["connection refused: identifier rejected (2)"]


@pytest.mark.parametrize(
    ("framing", "said", "told"),
    [
        ("resp", b"PING", "sent a reply that begins with b'E', which is no type of RESP's: b'ERROR"),
        ("mqtt", Mqtt.publish("t", b"\n"), "sent an MQTT packet of type 4 with flags 5, not 0: b'ERROR"),
        ("postgresql", b"\n", "sent a frame of at least 1381125971 bytes, the limit is 1048576: b'ERROR"),
        ("varint", b"PING\r\n", "sent a frame of at least"),
    ],
)
def test_a_service_of_another_protocol_is_named_with_its_first_bytes(
    memcached: int, book: Book, framing: str, said: bytes, told: str
) -> None:
    client = book.client(memcached, framing=framing, max_frame=1 << 20 if framing != "varint" else 10)
    assert client.request(said).outcome is Outcome.MISMATCH
    [detail] = failures(book)
    assert detail.startswith(f"127.0.0.1:{memcached} {told}")
