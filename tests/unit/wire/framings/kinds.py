"""Every framing, with payloads that it can carry, streams that it cannot, and how it is fed."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from lockstep_wire.framing import Decoder, Framing, Malformed, framing_of
from lockstep_wire.framings.mqtt import Mqtt
from lockstep_wire.framings.own import framed_by
from lockstep_wire.framings.postgresql import PostgreSQL
from lockstep_wire.framings.resp import Resp
from lockstep_wire.framings.until import until

LIMIT = 1 << 12

Payloads = st.SearchStrategy[bytes]


@dataclass(frozen=True, repr=False)
class Kind:
    """payloads: such that decoding their frames gives them again. long: bytes of a payload over LIMIT.

    malformed: streams that cannot be frames.
    """

    framing: Framing
    payloads: Payloads
    long: bytes = b"x" * (LIMIT + 1)
    malformed: tuple[bytes, ...] = ()
    frame: Callable[[bytes], bytes] | None = None
    """a payload's frame as a peer sends it, where that is not what is sent to it"""

    def stream(self, payloads: Iterable[bytes]) -> bytes:
        """What a peer sends that says this."""
        return b"".join(map(self.frame or self.framing.encode, payloads))

    def __repr__(self) -> str:
        return self.framing.name


def without(end: bytes) -> Payloads:
    """Bytes in which an end does not occur, nor at their seam with it; many of them look like it."""
    some = st.lists(st.sampled_from([end[:1], end[-1:], b"a", b"\xff", b""]) | st.binary(max_size=9))
    return some.map(b"".join).filter(lambda data: (data + end).find(end) == len(data))


def of_size(smallest: int, largest: int = 300) -> Payloads:
    return st.binary(min_size=smallest, max_size=largest)


def tlv_end(held: bytes) -> int | None:
    """A type, a length of two bytes, a value: somebody's own."""
    if held and held[0] > 0xF0:
        raise Malformed(f"a message of type {held[0]}")
    return None if len(held) < 3 else 3 + int.from_bytes(held[1:3], "big")


def resp_frame(payload: bytes) -> bytes:
    """Unlike Resp.frame_of this one does not look at what it decodes to."""
    if payload[:1] in b"*~>%" and payload.endswith(b"\r\n"):
        return payload
    return payload + b"\r\n" if payload[:1] in b"+-:,#_(" and payload else Resp.bulk(payload)


def resp_replies(kinds: Sequence[bytes] = (b"*", b"~", b">", b"%", b"|")) -> Payloads:
    """Replies, in which there are arrays and the like of these kinds."""
    word = st.binary(max_size=9).map(lambda data: data.translate(None, b"\r\n"))
    number = st.integers(-(2**70), 2**70).map(lambda value: b"%d" % value)
    line = st.one_of(
        st.builds(lambda first, rest: first + rest, st.sampled_from([b"+", b"-"]), word),
        st.integers(-(2**63), 2**63 - 1).map(lambda value: b":%d" % value),
        number.map(lambda digits: b"(" + digits),
        st.floats().map(lambda value: b"," + repr(value).encode()),
        st.sampled_from([b"#t", b"#f", b"_"]),
    )
    string = st.binary(max_size=40).filter(lambda data: data[:1] not in b"+-:,#_(*~>%$" or not data)

    def many(values: Payloads) -> Payloads:
        return st.builds(
            lambda kind, items: made(kind, items), st.sampled_from(kinds), st.lists(values, max_size=4)
        )

    def made(kind: bytes, items: list[bytes]) -> bytes:
        if kind in b"%|":
            items = items[: len(items) // 2 * 2]
        count = len(items) // 2 if kind in b"%|" else len(items)
        after = b":1\r\n" if kind == b"|" else b""
        return kind + b"%d\r\n" % count + b"".join(items) + after

    frames = st.recursive(
        line.map(lambda data: data + b"\r\n") | st.binary(max_size=20).map(Resp.bulk), many, max_leaves=8
    )
    nested = st.lists(frames, max_size=4).map(lambda items: made(b"*", items))
    return line | string | nested


def memcached_replies() -> Payloads:
    line = st.sampled_from(
        [b"STORED", b"END", b"NOT_FOUND", b"ERROR", b"SERVER_ERROR out of memory", b"17", b"HD f1"]
    )
    data = st.binary(max_size=40)
    value = st.builds(lambda data: b"VALUE k 0 %d\r\n%b\r\n" % (len(data), data), data)
    several = st.lists(value | st.just(b"STAT pid 1\r\n"), max_size=4).map(
        lambda found: b"".join(found) + b"END"
    )
    return line | several | st.builds(lambda data: b"VA %d\r\n%b" % (len(data), data), data)


def mqtt_packets() -> Payloads:
    topic, message = st.text(st.characters(codec="utf-8"), max_size=9), st.binary(max_size=200)
    return st.one_of(
        st.builds(
            lambda topic, body, qos: Mqtt.publish(topic, body, qos=qos), topic, message, st.integers(0, 2)
        ),
        st.builds(lambda topic: Mqtt.subscribe(topic, packet_id=7), topic),
        st.builds(Mqtt.connect, topic),
        st.sampled_from(
            [
                Mqtt.CONNACK,
                b"\x20\x02\x00\x05",
                Mqtt.PINGREQ,
                Mqtt.PINGRESP,
                Mqtt.puback(9),
                Mqtt.suback(3, 1),
            ]
        ),
    )


def backend(kind: str, body: bytes) -> bytes:
    return PostgreSQL.message(kind, body)


def postgresql_replies() -> Payloads:
    error = b"SERROR\0VERROR\0C42P01\0Mno\0\0"
    body = st.binary(max_size=40)
    inner = st.one_of(
        st.builds(backend, st.sampled_from("TDCSNK"), body),
        st.just(backend("E", error)),
        st.just(backend("R", b"\0\0\0\0")),
    )
    last = st.sampled_from(
        [
            backend("Z", b"I"),
            backend("R", b"\0\0\0\3"),
            backend("G", b"\0\0\0"),
            backend("E", b"SFATAL\0VFATAL\0C28P01\0Mwho?\0\0"),
        ]
    )
    whole = st.builds(lambda some, end: b"".join(some) + end, st.lists(inner, max_size=4), last)
    return whole | st.builds(backend, st.just("A"), body)


TLV = framed_by(tlv_end)


def tlv(kind: int, value: bytes) -> bytes:
    return bytes([kind]) + len(value).to_bytes(2, "big") + value


KINDS = [
    *(
        Kind(framing_of(name), without(end))
        for name, end in (("line", b"\n"), ("crlf", b"\r\n"), ("nul", b"\0"))
    ),
    Kind(framing_of(r"delimited:\n\n"), without(b"\n\n")),
    Kind(framing_of("mllp"), without(b"\x1c\r"), malformed=(b"MSH", b"\x0bA\x1c\rB", b"\x0b\x1c\r\x1c\r")),
    Kind(framing_of(r"delimited:--\r\n,start=++"), without(b"--\r\n"), malformed=(b"+-", b"++--\r\n+a")),
    *(
        Kind(framing_of(name), of_size(0))
        for name in ("length", "length:<I", "length:>3", "length:<3", "length:>Q")
    ),
    Kind(framing_of("length:>H"), of_size(0), long=b""),
    Kind(framing_of("length:B"), of_size(0, 255), long=b""),
    Kind(framing_of("length:>I,counts=frame"), of_size(0), malformed=(b"\0\0\0\3", b"\0\0\0\4\0\0\0\0")),
    Kind(framing_of("length:<3,counts=frame,offset=2,adds=-1"), of_size(2), malformed=(b"ab\1\0\0",)),
    Kind(framing_of("length:>I,offset=8,adds=12"), of_size(20)),
    Kind(framing_of("length:>I,offset=1,adds=-4"), of_size(1), malformed=(b"Q\0\0\0\3",)),
    Kind(framing_of("fixed:32"), of_size(32, 32), long=b""),
    Kind(framing_of("varint"), of_size(0), malformed=(b"\xff" * 10, b"\1a" + b"\x80" * 12)),
    Kind(until(re.compile(rb"[!?]+\r?\n")), st.from_regex(re.compile(rb"[a-z\xf0\n]*!\n"), fullmatch=True)),
    Kind(until(re.compile(rb"^end\n|(?<!!)\n\n")), st.just(b"end\n") | st.just(b"x!\n\ny\n\n")),
    Kind(until(b"END\r\n"), without(b"END\r\n").map(lambda data: data + b"END\r\n")),
    Kind(
        framing_of("resp"),
        resp_replies(),
        malformed=(
            b"HTTP/1.1 400\r\n",
            b"$x\r\n",
            b"$-2\r\n",
            b"$1\r\nab\r\n",
            b":1a\r\n",
            b"*1\r\n#x\r\n",
            b"\r\n",
        ),
        frame=resp_frame,
    ),
    Kind(
        framing_of("memcached"),
        memcached_replies(),
        malformed=(
            b"VALUE k 0\r\n",
            b"VALUE k 0 x\r\n",
            b"VALUE k 0 1\r\nab\r\n",
            b"VA x\r\n",
            b"\r\n",
            b"a\0b\r\n",
        ),
    ),
    Kind(
        framing_of("mqtt"),
        mqtt_packets(),
        long=Mqtt.publish("t", b"x" * LIMIT),
        malformed=(
            b"\x00\x00",
            b"HTTP",
            b"\x31\xff\xff\xff\xff",
            b"\xd1",
            b"\x36",
            b"\xd0\x01",
            b"\x30\x03\x00\x02t",
        ),
        frame=bytes,
    ),
    Kind(
        framing_of("postgresql"),
        postgresql_replies(),
        long=backend("D", b"x" * LIMIT),
        malformed=(
            b"+OK\r\n",
            b"Z\0\0\0\3",
            b"R\0\0\0\6\0\0",
            b"D\0\0\0\4E\0\0\0\0",
            backend("Z", b"I") + b"Q",
        ),
        frame=bytes,
    ),
    Kind(TLV, st.builds(tlv, st.integers(0, 9), of_size(0)), long=b"", malformed=(b"\xff", b"\0\0\1a\xff")),
]


def feed_all(decoder: Decoder, pieces: Iterable[bytes]) -> list[bytes]:
    return [payload for piece in pieces for payload in decoder.feed(piece)]


def pieces_of(stream: bytes, cuts: Iterable[int]) -> list[bytes]:
    """The stream in the pieces that the cuts make, wherever they would be beyond its end too."""
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[start:end] for start, end in itertools.pairwise(places)]


def byte_by_byte(stream: bytes) -> list[bytes]:
    return [stream[at : at + 1] for at in range(len(stream))]
