"""PostgreSQL's messages: replies up to where the server waits, errors in its words, logins."""

from __future__ import annotations

import struct

import pytest

from lockstep_wire.framing import FrameTooLong, Malformed
from lockstep_wire.framings.postgresql import PostgreSQL
from lockstep_wire.framings.postgresql_login import Login
from tests.unit.wire.framings.kinds import backend, byte_by_byte, feed_all

POSTGRESQL = PostgreSQL()
READY = backend("Z", b"I")
NO_TABLE = b'SFEHLER\0VERROR\0C42P01\0Mrelation "x" does not exist\0Fparse.c\0\0'
FATAL = b'SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user "me"\0\0'


def row(*values: bytes | None) -> bytes:
    body = b"".join(
        struct.pack(">i", -1) if value is None else struct.pack(">i", len(value)) + value for value in values
    )
    return backend("D", struct.pack(">H", len(values)) + body)


def asked_for(code: int, more: bytes = b"") -> bytes:
    return backend("R", struct.pack(">I", code) + more)


SELECTED = backend("T", b"\0\0") + row(b"1", None) + row(b"", b"E\0") + backend("C", b"SELECT 2\0") + READY


@pytest.mark.parametrize(
    "replies",
    [
        [SELECTED, SELECTED],
        [asked_for(0) + backend("S", b"TimeZone\0UTC\0") + backend("K", b"12345678") + READY],
        [asked_for(5, b"salt"), asked_for(0) + READY],
        [
            asked_for(10, b"SCRAM-SHA-256\0\0"),
            asked_for(11, b"r="),
            asked_for(12, b"v=") + asked_for(0) + READY,
        ],
        [backend("E", NO_TABLE) + READY],
        [backend("E", FATAL)],
        [backend("A", b"\0\0\0\1channel\0\0"), SELECTED],
        [backend("A", b"\0\0\0\1channel\0\0"), backend("C", b"LISTEN\0") + backend("A", b"x") + READY],
        [backend("G", b"\0\0\0")],
        [backend("I", b"") + READY],
    ],
)
def test_a_reply_goes_on_until_the_server_waits(replies: list[bytes]) -> None:
    stream = b"".join(replies)
    for pieces in ([stream], byte_by_byte(stream)):
        decoder = POSTGRESQL.decoder(1000)
        assert feed_all(decoder, pieces) == replies
        assert not decoder.pending


def test_what_a_reply_says_can_be_read() -> None:
    assert PostgreSQL.rows(SELECTED) == [(b"1", None), (b"", b"E\0")]
    assert PostgreSQL.tags(SELECTED) == ["SELECT 2"]
    assert [kind for kind, _ in PostgreSQL.messages(SELECTED)] == ["T", "D", "D", "C", "Z"]
    assert POSTGRESQL.error_in(SELECTED) is None
    assert POSTGRESQL.frame_of(SELECTED) == SELECTED


def test_an_error_is_told_in_the_servers_words_and_language() -> None:
    payload = row(b"1") + backend("E", NO_TABLE) + READY
    assert POSTGRESQL.error_in(payload) == 'FEHLER: relation "x" does not exist (42P01)'
    assert POSTGRESQL.frame_of(payload) is None


def test_messages_are_sent_as_they_are_and_anything_else_is_sql() -> None:
    encode = POSTGRESQL.encode
    startup = PostgreSQL.startup("me", "db", application_name="load")
    assert startup == (
        struct.pack(">II", len(startup), 196_608) + b"user\0me\0database\0db\0application_name\0load\0\0"
    )
    assert PostgreSQL.query("SELECT 1") == b"Q\0\0\0\x0dSELECT 1\0"
    bind_and_sync = PostgreSQL.message("B", b"\0\0\0\0\0\0\0\0") + PostgreSQL.message("S")
    for whole in (startup, PostgreSQL.query("SELECT 1"), bind_and_sync, PostgreSQL.message("X")):
        assert encode(whole) == whole
    assert encode(b"SELECT 1") == PostgreSQL.query("SELECT 1")
    for wrong in (b"SELECT '\0'", b""):
        with pytest.raises(ValueError, match="without zero bytes"):
            encode(wrong)


@pytest.mark.parametrize(
    ("stream", "told"),
    [
        (b"HTTP/1.1 400", "a message of type b'P'|a message whose length|a frame of at least"),
        (b"+OK\r\n", r"type b'\+'"),
        (b"Z\0\0\0\3", "length field says 3"),
        (b"R\0\0\0\5\0", "does not say which"),
    ],
)
def test_what_is_no_message_is_the_peers_fault(stream: bytes, told: str) -> None:
    for pieces in ([stream], byte_by_byte(stream)):
        with pytest.raises((Malformed, FrameTooLong), match=told):
            feed_all(POSTGRESQL.decoder(1000), pieces)


def test_a_reply_beyond_the_limit_is_refused_though_each_message_is_small() -> None:
    with pytest.raises(FrameTooLong):
        feed_all(POSTGRESQL.decoder(100), [row(b"x" * 20) for _ in range(5)])


def test_a_password_is_shown_as_it_is_where_that_is_asked_for() -> None:
    login = PostgreSQL.login("me", password="secret")
    assert login.startup == PostgreSQL.startup("me")
    assert login.answer(asked_for(3)) == PostgreSQL.message("p", b"secret\0")
    assert login.answer(asked_for(0) + READY) is None
    assert login.answer(None) is None


def test_a_password_is_hashed_with_the_servers_salt() -> None:
    # md5sum has made it: of the digest of password and user, and the salt.
    said = PostgreSQL.login("me", password="secret").answer(asked_for(5, b"\1\2\3\4"))
    assert said == PostgreSQL.message("p", b"md58322d584bf59f0253d58346307bb6ba3\0")


class _OfTheRfc(Login):
    """RFC 7677's example, in which the client names its user; PostgreSQL takes it from the startup."""

    def __init__(self) -> None:
        super().__init__(b"", "user", "pencil")
        self._nonce = b"rOprNGfwEbeRWgbNEkqO"

    def _first(self) -> bytes:
        return b"n=user,r=" + self._nonce


def test_scram_is_that_of_rfc_7677() -> None:
    login = _OfTheRfc()
    first = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    asked = asked_for(10, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")
    assert login.answer(asked) == PostgreSQL.message("p", b"SCRAM-SHA-256\0\0\0\0 " + first)
    nonce = b"rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    challenge = b"r=" + nonce + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    proof = b"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    final = b"c=biws,r=" + nonce + b",p=" + proof
    assert login.answer(asked_for(11, challenge)) == PostgreSQL.message("p", final)
    verdict = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    assert login.answer(asked_for(12, verdict) + asked_for(0) + READY) is None
    with pytest.raises(Malformed, match="a proof that it knows the password"):
        login.answer(asked_for(12, b"v=AAAA"))


@pytest.mark.parametrize("asked", [asked_for(7), asked_for(10, b"OTHER\0\0"), asked_for(11, b"r=other,i=1")])
def test_what_a_login_does_not_know_is_named(asked: bytes) -> None:
    with pytest.raises(Malformed):
        PostgreSQL.login("me").answer(asked)


@pytest.mark.parametrize("more", [b",s=!,i=1", b",s=AAAA,i=99999999", b",s=AAAA,i=0", b",s=AAA,i=1"])
def test_a_challenge_that_makes_no_sense_or_takes_hours_is_the_peers_fault(more: bytes) -> None:
    login = _OfTheRfc()
    with pytest.raises(Malformed):
        login.answer(asked_for(11, b"r=rOprNGfwEbeRWgbNEkqOx" + more))


def test_a_row_that_is_none_is_the_peers_fault() -> None:
    with pytest.raises(Malformed, match="a row that ends before its last value"):
        PostgreSQL.rows(backend("D", b"\0\2\0\0\0\1a") + READY)
