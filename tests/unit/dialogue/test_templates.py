"""Texts with places."""

from __future__ import annotations

import pytest

from lockstep.dialogue.script import parse_template

VALUES = {"token": b"T\x00", "users.user": b"ann"}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("", b""),
        ("PING", b"PING"),
        ("DO {token}", b"DO T\x00"),
        ("{token}{token}", b"T\x00T\x00"),
        ("LOGIN {users.user}!", b"LOGIN ann!"),
        ("{{token}}", b"{token}"),
        ("{{users.user}} {token}", b"{users.user} T\x00"),
        ('{"a": {"b": {token}}}', b'{"a": {"b": T\x00}}'),
        ('{"n": 1, "x": {}}', b'{"n": 1, "x": {}}'),
        ("{ token }", b"{ token }"),
        ("{3}", b"{3}"),
        ("é {token}", "é ".encode() + b"T\x00"),
    ],
)
def test_names_in_braces_are_places_and_other_braces_are_not(text: str, filled: bytes) -> None:
    assert parse_template(text).fill(VALUES) == filled


def test_a_text_without_places_is_constant() -> None:
    assert parse_template('{"a": {{b}} }').constant == b'{"a": {b} }'
    assert parse_template("{b}").constant is None
