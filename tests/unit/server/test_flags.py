"""Flags and their variables become settings; nonsense is refused in one line that says what to do."""

from __future__ import annotations

from typing import Any

import pytest

from lockstep_server.flags import FLAGS, parse_settings
from lockstep_server.settings import Keepalive, SettingsError


def test_bare_defaults_are_those_the_seeds_clients_expect() -> None:
    settings = parse_settings([], {})
    assert (settings.framing, settings.reply, settings.timing, settings.hold_ns) == ("raw", "ack", False, 0)
    assert (settings.backlog, settings.keepalive, settings.announce_to) == (128, None, None)
    assert (settings.bind, settings.admin_host) == ("0.0.0.0", "127.0.0.1")


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("bind", "127.0.0.1", "bind", "127.0.0.1"),
        ("bind", "::1", "bind", "::1"),
        ("bind", "[::1]", "bind", "::1"),
        ("admin-host", "[::]", "admin_host", "::"),
        ("accept", "nonblocking", "accept", "nonblocking"),
        ("backlog", "1", "backlog", 1),
        ("max-connections", "9", "max_connections", 9),
        ("framing", "length", "framing", "length"),
        ("reply", "echo", "reply", "echo"),
        ("hold", "2ms", "hold_ns", 2_000_000),
        ("work", "cpu", "work", "cpu"),
        ("pause", "1s", "pause_ns", 1_000_000_000),
        ("drain", "0", "drain_ns", 0),
        ("max-frame", "64KiB", "max_frame", 65536),
        ("idle-timeout", "1.5s", "idle_timeout_ns", 1_500_000_000),
        ("message-timeout", "2s", "message_timeout_ns", 2_000_000_000),
        ("admin-port", "0", "admin_port", 0),
        ("admin-host", "0.0.0.0", "admin_host", "0.0.0.0"),
        ("log-level", "debug", "log_level", "debug"),
        ("records", "5", "records", 5),
    ],
)
def test_every_value_can_come_from_its_flag_or_its_variable(
    name: str, text: str, field: str, value: Any
) -> None:
    variable = "LOCKSTEP_" + name.replace("-", "_").upper()
    assert getattr(parse_settings([f"--{name}", text], {}), field) == value
    assert getattr(parse_settings([f"--{name}={text}"], {variable: "rubbish"}), field) == value
    assert getattr(parse_settings([], {variable: text}), field) == value


@pytest.mark.parametrize("name", ["nodelay", "timing"])
@pytest.mark.parametrize(("text", "value"), [("true", True), ("1", True), ("no", False), ("", False)])
def test_a_switch_can_be_set_by_its_variable(name: str, text: str, value: bool) -> None:
    assert getattr(parse_settings([], {f"LOCKSTEP_{name.upper()}": text}), name) is value
    assert getattr(parse_settings([f"--{name}"], {}), name) is True


def test_listeners_are_repeated_flags_or_a_blank_separated_variable() -> None:
    from_flags = parse_settings(["--listen", "free:1", "--listen", "lock:2"], {"LOCKSTEP_LISTEN": "ticket:3"})
    assert from_flags.listeners == parse_settings([], {"LOCKSTEP_LISTEN": " free:1  lock:2 "}).listeners


def test_keepalive_has_its_three_values_or_the_systems() -> None:
    assert parse_settings(["--keepalive"], {}).keepalive == Keepalive()
    probes = ["--keepalive-idle", "60s", "--keepalive-interval", "5s", "--keepalive-count", "3"]
    assert parse_settings(["--keepalive", *probes], {}).keepalive == Keepalive(60, 5, 3)


def test_announcing_is_off_until_asked_for() -> None:
    assert parse_settings(["--announce-to", "127.255.255.255:9101"], {}).announce_to is None
    assert parse_settings(["--announce"], {}).announce_to == ("255.255.255.255", 9101)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--listen", "lock:x"], "--listen lock:x is not a listener"),
        (["--listen", "free:1", "--listen", "lock:1"], "--listen gives port 1 to free and lock"),
        (["--hold", "2"], "--hold 2 is not a duration; write 0, or a number with its unit"),
        (["--hold", "-2ms"], "argument --hold: expected one argument"),
        (["--hold=-2ms"], "--hold -2ms is not a duration"),
        (["--pause", "1h"], "--pause 1h is not a duration"),
        (["--drain", "25000m"], "--drain 25000m is more than a day"),
        (["--max-frame", "0"], "--max-frame 0 is not a size"),
        (["--max-frame", "1mb"], "--max-frame 1mb is not a size"),
        (["--accept", "maybe"], "--accept maybe is unknown; choose from blocking, nonblocking"),
        (["--framing", "tlv"], "--framing tlv is unknown; choose from raw, line, length"),
        (["--reply", "shout"], "--reply shout is unknown; choose from ack, echo"),
        (["--work", "dream"], "--work dream is unknown; choose from sleep, cpu"),
        (["--log-level", "loud"], "--log-level loud is unknown"),
        (["--backlog", "many"], "--backlog many is out of range; write a whole number from 0 to 65535"),
        (["--admin-port", "70000"], "--admin-port 70000 is out of range"),
        (["--records", "0"], "--records 0 is out of range"),
        (["--bind", ""], "--bind  is not an address"),
        (["--announce-to", "here"], "--announce-to here is not an address; write HOST:PORT"),
        (["--keepalive-idle", "60s"], "--keepalive-idle does nothing without --keepalive; add --keepalive"),
        (
            ["--keepalive", "--keepalive-idle", "1500ms"],
            "--keepalive-idle 1500ms is not a whole number of seconds",
        ),
        (["--keepalive", "--keepalive-count", "0"], "--keepalive-count 0 is out of range"),
        (["--hol", "2ms"], "unrecognized arguments: --hol 2ms; see --help"),
        (["--hold"], "argument --hold: expected one argument"),
        (["extra"], "unrecognized arguments: extra"),
    ],
)
def test_a_bad_flag_is_refused_in_one_line(arguments: list[str], complaint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings(arguments, {})
    assert str(caught.value).startswith(complaint)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "text", "complaint"),
    [
        ("LOCKSTEP_HOLD", "2", "LOCKSTEP_HOLD=2 is not a duration"),
        ("LOCKSTEP_LISTEN", "free:1 lock:1", "LOCKSTEP_LISTEN gives port 1"),
        ("LOCKSTEP_TIMING", "perhaps", "LOCKSTEP_TIMING=perhaps is neither yes nor no"),
    ],
)
def test_a_bad_variable_is_called_by_its_own_name(variable: str, text: str, complaint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings([], {variable: text})
    assert str(caught.value).startswith(complaint)


def test_every_flag_explains_itself() -> None:
    assert all(flag.help and flag.variable.startswith("LOCKSTEP_") for flag in FLAGS)
