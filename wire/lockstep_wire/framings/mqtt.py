"""MQTT 3.1.1: a message is a packet, as it stands on the wire."""

from __future__ import annotations

from lockstep_wire.framing import Decoder, FrameError, FrameTooLong, Framing, Maker, Malformed, no_more
from lockstep_wire.framings.sizes import as_varint, varint_at
from lockstep_wire.framings.stepwise import Held, StepwiseDecoder

_LENGTH_BYTES = 4
_LONGEST = 268_435_455
_TWO_BYTES = 0xFFFF
_CONNECT, _CONNACK, _PUBLISH, _PUBACK, _SUBSCRIBE, _SUBACK, _UNSUBSCRIBE = 1, 2, 3, 4, 8, 9, 10
# A packet's type -> its four low bits, and how many bytes follow its length; None where that varies.
_KINDS: dict[int, tuple[int, int | None]] = {
    _CONNECT: (0, None),
    _CONNACK: (0, 2),
    _PUBACK: (0, 2),
    5: (0, 2),
    6: (2, 2),
    7: (0, 2),
    _SUBSCRIBE: (2, None),
    _SUBACK: (0, None),
    _UNSUBSCRIBE: (2, None),
    11: (0, 2),
    12: (0, 0),
    13: (0, 0),
    14: (0, 0),
}
# Why a broker takes no connection, by its CONNACK's code.
_REFUSED = {
    1: "unacceptable protocol version",
    2: "identifier rejected",
    3: "server unavailable",
    4: "bad user name or password",
    5: "not authorized",
}
_SUBSCRIPTION_FAILED = 0x80


class MqttDecoder(StepwiseDecoder):
    """Cuts where a packet's remaining length says. Payloads are whole packets."""

    __slots__ = ("_max_frame",)

    def __init__(self, max_frame: int) -> None:
        super().__init__()
        self._max_frame = max_frame

    def _size_of(self, held: Held, start: int) -> int:
        rest = _rest_of(held[start])
        length, head = varint_at(held, start + 1, _LENGTH_BYTES)
        if not head:
            return 0
        if rest not in (None, length):
            raise Malformed(f"an MQTT packet of type {held[start] >> 4} with {length} bytes, not {rest}")
        size = 1 + head + length
        if size > self._max_frame:
            raise FrameTooLong(size, self._max_frame)
        return size

    def _payload(self, frame: bytes) -> bytes:
        if frame[0] >> 4 == _PUBLISH:
            _split(frame)
        return frame


class Mqtt(Framing):
    """MQTT 3.1.1. A payload is a whole packet, sent and given as it is: `Mqtt.publish("t", b"x")`."""

    name = "mqtt"

    CONNACK = b"\x20\x02\x00\x00"
    """the answer to `connect`, in a session that is new"""
    PINGREQ = b"\xc0\x00"
    PINGRESP = b"\xd0\x00"
    """the answer to PINGREQ"""
    DISCONNECT = b"\xe0\x00"
    """gets no answer"""

    def encode(self, payload: bytes) -> bytes:
        """See Framing.encode."""
        if _is_packet(payload):
            return payload
        raise ValueError(f"{payload!r:.40} is no MQTT packet: make one with Mqtt.publish(...) or the like")

    def decoder(self, max_frame: int) -> Decoder:
        """See Framing.decoder."""
        return MqttDecoder(max_frame)

    def frame_of(self, payload: bytes) -> bytes | None:
        """See Framing.frame_of."""
        return self.checked(payload, payload)

    def error_in(self, payload: bytes) -> str | None:
        """See Framing.error_in: a connection or a subscription that is refused."""
        kind = payload[0] >> 4
        if kind == _CONNACK and payload[3]:
            return f"connection refused: {_REFUSED.get(payload[3], 'reserved')} ({payload[3]})"
        if kind == _SUBACK and _SUBSCRIPTION_FAILED in payload[_codes_at(payload) :]:
            return "subscription refused (128)"
        return None

    @staticmethod
    def connect(
        client_id: str,
        *,
        user: str | None = None,
        password: str | bytes | None = None,
        keepalive: int = 60,
        clean: bool = True,
    ) -> bytes:
        """The packet that begins a session. keepalive: in seconds, 0 for none. clean: forgets an old one."""
        secret = password.encode() if isinstance(password, str) else password
        flags = 0x02 * clean | 0x80 * (user is not None) | 0x40 * (secret is not None)
        given = [client_id.encode(), *([] if user is None else [user.encode()])]
        fields = b"".join(map(_field, given if secret is None else [*given, secret]))
        return _packet(_CONNECT << 4, b"\0\4MQTT\4%c" % flags + _number(keepalive) + fields)

    @staticmethod
    def publish(
        topic: str, message: str | bytes = b"", *, qos: int = 0, packet_id: int = 1, retain: bool = False
    ) -> bytes:
        """A message for a topic. With qos 0 it gets no answer, with qos 1 `puback(packet_id)`."""
        if qos not in (0, 1, 2):
            raise ValueError(f"publish(qos={qos!r}): it is 0, 1 or 2")
        body = message.encode() if isinstance(message, str) else message
        head = _field(topic.encode()) + (_number(packet_id) if qos else b"")
        return _packet(_PUBLISH << 4 | qos << 1 | retain, head + body)

    @staticmethod
    def subscribe(topic: str, *, qos: int = 0, packet_id: int = 1) -> bytes:
        """Asks for a topic's messages; `suback(packet_id, qos)` is the answer."""
        return _packet(_SUBSCRIBE << 4 | 2, _number(packet_id) + _field(topic.encode()) + bytes([qos]))

    @staticmethod
    def unsubscribe(topic: str, *, packet_id: int = 1) -> bytes:
        """Asks for no more of a topic's messages."""
        return _packet(_UNSUBSCRIBE << 4 | 2, _number(packet_id) + _field(topic.encode()))

    @staticmethod
    def puback(packet_id: int = 1) -> bytes:
        """Says that a message of qos 1 has come: the broker's answer, and the subscriber's."""
        return _packet(_PUBACK << 4, _number(packet_id))

    @staticmethod
    def suback(packet_id: int = 1, qos: int = 0) -> bytes:
        """The answer to `subscribe`."""
        return _packet(_SUBACK << 4, _number(packet_id) + bytes([qos]))

    @staticmethod
    def published(payload: bytes) -> tuple[str, bytes] | None:
        """Topic and message, where the packet is one that was published; else None."""
        if payload[0] >> 4 != _PUBLISH:
            return None
        topic, message = _split(payload)
        return topic.decode(errors="replace"), message


def _is_packet(data: bytes) -> bool:
    """Whether these bytes are one packet, with nothing behind it."""
    try:
        return MqttDecoder(len(data)).feed(data) == [data]
    except FrameError:
        return False


def _rest_of(first: int) -> int | None:
    """How many bytes follow the length of a packet that begins like this; None where that varies."""
    kind, flags = first >> 4, first & 0xF
    if kind == _PUBLISH:
        if flags & 6 == 6:
            raise Malformed("an MQTT message of quality of service 3")
        return None
    if kind not in _KINDS:
        raise Malformed(f"an MQTT packet of type {kind}, which there is not")
    wanted, rest = _KINDS[kind]
    if flags != wanted:
        raise Malformed(f"an MQTT packet of type {kind} with flags {flags}, not {wanted}")
    return rest


def _codes_at(suback: bytes) -> int:
    """Where a SUBACK says of each topic what became of it: behind its length and its number."""
    _, head = varint_at(suback, 1, _LENGTH_BYTES)
    return 1 + head + 2


def _split(packet: bytes) -> tuple[bytes, bytes]:
    """Topic and message of a PUBLISH."""
    _, head = varint_at(packet, 1, _LENGTH_BYTES)
    at = 1 + head
    topic_end = at + 2 + int.from_bytes(packet[at : at + 2], "big")
    end = topic_end + (2 if packet[0] & 6 else 0)
    if len(packet) < max(end, at + 2):
        raise Malformed("an MQTT message that ends within its topic")
    return packet[at + 2 : topic_end], packet[end:]


def _packet(first: int, rest: bytes) -> bytes:
    if len(rest) > _LONGEST:
        raise ValueError(f"an MQTT packet of {len(rest)} bytes: it has at most {_LONGEST}")
    return bytes([first]) + as_varint(len(rest)) + rest


def _number(value: int) -> bytes:
    if not 0 <= value <= _TWO_BYTES:
        raise ValueError(f"{value} does not fit MQTT's two bytes: write 0 to {_TWO_BYTES}")
    return value.to_bytes(2, "big")


def _field(data: bytes) -> bytes:
    return _number(len(data)) + data


MAKERS: dict[str, Maker] = {"mqtt": lambda rest: no_more("mqtt", rest, Mqtt())}
