"""MQTT 3.1.1: packets as paho, which is Eclipse's own client, makes them; what a broker refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import Client, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from lockstep_wire.framing import FrameTooLong, Malformed, framing_of
from lockstep_wire.framings.mqtt import Mqtt
from tests.unit.wire.framings.kinds import byte_by_byte, feed_all

MQTT = Mqtt()
TOPICS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)


def made_by_paho(send: Callable[[Any], object], **settings: Any) -> bytes:
    """The packet that paho would send."""
    client: Any = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311, **settings)
    client._sock = object()
    packets: list[bytes] = []
    client._packet_queue = lambda _command, packet, *_, **__: packets.append(bytes(packet))
    client._mid_generate = lambda: 7
    send(client)
    client._sock = None
    [packet] = packets
    return packet


@given(topic=TOPICS, body=st.binary(max_size=300), qos=st.integers(0, 2), retain=st.booleans())
def test_a_message_is_published_as_paho_does(topic: str, body: bytes, qos: int, retain: bool) -> None:
    theirs = made_by_paho(
        lambda client: client._send_publish(7, topic.encode(), body, qos, retain, False, MQTTMessageInfo(7))
    )
    assert Mqtt.publish(topic, body, qos=qos, packet_id=7, retain=retain) == theirs
    assert Mqtt.published(theirs) == (topic, body)


@pytest.mark.parametrize(("user", "password"), [(None, None), ("ann", None), ("ann", "secret")])
@pytest.mark.parametrize("clean", [True, False])
def test_a_session_begins_as_pahos_does(user: str | None, password: str | None, clean: bool) -> None:
    def connect(client: Any) -> None:
        if user is not None:
            client.username_pw_set(user, password)
        client._send_connect(60)

    theirs = made_by_paho(connect, client_id="me", clean_session=clean)
    assert Mqtt.connect("me", user=user, password=password, clean=clean) == theirs


def test_topics_are_asked_for_and_given_up_as_paho_does() -> None:
    asked = made_by_paho(lambda client: client._send_subscribe(False, [(b"a/#", 1)]))
    assert Mqtt.subscribe("a/#", qos=1, packet_id=7) == asked
    given_up = made_by_paho(lambda client: client._send_unsubscribe(False, [b"a/#"]))
    assert Mqtt.unsubscribe("a/#", packet_id=7) == given_up


def test_short_packets_are_pahos() -> None:
    assert made_by_paho(lambda client: client._send_pingreq()) == Mqtt.PINGREQ
    assert made_by_paho(lambda client: client._send_disconnect()) == Mqtt.DISCONNECT
    assert made_by_paho(lambda client: client._send_puback(258)) == Mqtt.puback(258)


@pytest.mark.parametrize("size", [0, 1, 118, 119, 16_374, 16_375, 70_000])
def test_the_remaining_length_takes_as_many_bytes_as_it_must(size: int) -> None:
    packet = Mqtt.publish("topic", b"x" * size)
    assert MQTT.decoder(1 << 20).feed(packet) == [packet]


@pytest.mark.parametrize(
    ("packet", "told"),
    [
        (Mqtt.CONNACK, None),
        (b"\x20\x02\x01\x00", None),
        (b"\x20\x02\x00\x05", "connection refused: not authorized (5)"),
        (b"\x20\x02\x00\x09", "connection refused: reserved (9)"),
        (Mqtt.suback(1, 0), None),
        (b"\x90\x03\x00\x01\x80", "subscription refused (128)"),
        (b"\x90\x04\x00\x01\x80\x00", "subscription refused (128)"),
        (b"\x90\x03\x00\x80\x00", None),
        (Mqtt.PINGRESP, None),
        (Mqtt.publish("t", b"\x80"), None),
    ],
)
def test_what_a_broker_refuses_is_an_error(packet: bytes, told: str | None) -> None:
    [payload] = MQTT.decoder(100).feed(packet)
    assert MQTT.error_in(payload) == told
    assert MQTT.frame_of(payload) == (None if told else packet)


@pytest.mark.parametrize(
    ("stream", "told"),
    [
        (b"HTTP/1.1", "type 4 with flags 8, not 0"),
        (b"\xf0\x00", "type 15, which there is not"),
        (b"\x36\x00", "quality of service 3"),
        (b"\xd0\x01", "type 13 with 1 bytes, not 0"),
        (b"\x30\xff\xff\xff\xff\x01", "does not end within 4 bytes"),
        (b"\x32\x04\x00\x01ta", "ends within its topic"),
    ],
)
def test_what_is_no_packet_is_the_peers_fault(stream: bytes, told: str) -> None:
    for pieces in ([stream], byte_by_byte(stream)):
        with pytest.raises(Malformed, match=told):
            feed_all(MQTT.decoder(1000), pieces)


def test_a_packet_beyond_the_limit_is_refused_as_soon_as_its_length_is_there() -> None:
    packet = Mqtt.publish("t", b"x" * 97)
    assert len(packet) == 102
    assert MQTT.decoder(102).feed(packet) == [packet]
    with pytest.raises(FrameTooLong):
        MQTT.decoder(101).feed(packet[:2])


@pytest.mark.parametrize(
    "wrong", [b"hello", b"", Mqtt.PINGREQ + b"x", Mqtt.PINGREQ * 2, Mqtt.publish("t")[:-1]]
)
def test_what_is_no_packet_is_not_sent(wrong: bytes) -> None:
    with pytest.raises(ValueError, match="is no MQTT packet"):
        framing_of("mqtt").encode(wrong)


@pytest.mark.parametrize(
    "make",
    [lambda: Mqtt.publish("t", qos=3), lambda: Mqtt.publish("t" * 65_536), lambda: Mqtt.puback(65_536)],
)
def test_what_no_packet_can_say_is_our_own_fault(make: Callable[[], bytes]) -> None:
    with pytest.raises(ValueError, match="0"):
        make()


def test_only_what_was_published_has_a_topic() -> None:
    assert Mqtt.published(Mqtt.PINGRESP) is None
    assert Mqtt.published(Mqtt.publish("a/b", "text", qos=1)) == ("a/b", b"text")
