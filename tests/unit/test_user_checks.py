"""What is wrong with a class of users is found before the run, and said in one line."""

from __future__ import annotations

import math
import socket
from typing import Any

import pytest

from lockstep.errors import HarnessError
from lockstep.tcp.addresses import Address, AddressBook
from lockstep.tcp.by_id import by_id
from lockstep.user_checks import check_host, check_settings
from lockstep_wire.framing import Raw


class Base:
    """Stands in for TcpUser, which cannot be imported here: it brings Locust along."""

    host: str | None = None
    abstract = True
    framing = "raw"
    max_frame = 1 << 20
    timing = False
    timeout_s = 10.0
    close_timeout_s = 1.0
    weight = 1


def users(**attributes: Any) -> type[Base]:
    return type("Greeter", (Base,), attributes)


KNOWN = AddressBook(lambda host, port: [Address(socket.AF_INET, ("192.0.2.1", port))])


def unknown(*_: object) -> list[Address]:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"framing": "line", "timing": True, "timeout_s": 1, "close_timeout_s": 0.5},
        {"timeout_s": None, "close_timeout_s": None},
        {"framing": Raw()},
        {"framing": "line", "match": by_id(lambda payload: payload[:4])},
        {"framing": "length:<H,counts=frame"},
        # One's own: a method, a table, a number whose name is like none of ours, and Locust's.
        {"hosts": ["a", "b"], "timeout": lambda self: 1, "names": "x", "weight": 3, "counter": 0},
        {"_timeout": 5, "posts": "/x"},
    ],
)
def test_what_can_work_passes(attributes: dict[str, Any]) -> None:
    check_settings(users(**attributes), Base)


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"framing": "line", "match": "id"}, "match = 'id' does not work: write by_id"),
        ({"match": by_id(lambda payload: payload[:4])}, "set `framing` too"),
        ({"framing": object}, r"framing = <class 'object'> .* one of 'raw', 'line', .* or a framing"),
        ({"framing": Raw}, r"framing = <class .*Raw'> .* write Raw\(\)"),
        ({"framing": "length:>X"}, r"length\('>X'\): write > "),
        ({"framing": None}, r"framing = None"),
        ({"framing": "lines"}, r"framing = 'lines' .* did you mean line\?"),
        ({"framing": "xml"}, r"framing = 'xml' .* choose from raw, line, "),
        ({"framing": b"line"}, r"framing = b'line'"),
        ({"max_frame": 0}, r"max_frame = 0 .* a whole number of bytes, 1 or more"),
        ({"max_frame": "1 MiB"}, r"max_frame = '1 MiB'"),
        ({"max_frames": 9}, r"did you mean max_frame\?"),
        ({"timing": "yes"}, r"timing = 'yes' .* True or False"),
        ({"timeout_s": 0}, r"timeout_s = 0 .* more than 0"),
        ({"timeout_s": -1.5}, r"timeout_s = -1.5"),
        ({"timeout_s": "5"}, r"timeout_s = '5'"),
        ({"timeout_s": math.nan}, r"timeout_s = nan"),
        ({"timeout_s": math.inf}, r"timeout_s = inf .* None for no bound"),
        ({"timeout_s": True}, r"timeout_s = True"),
        ({"close_timeout_s": 0}, r"close_timeout_s = 0"),
        ({"timeout": 1.0}, r"timeout = 1.0 .* did you mean timeout_s\?"),
        ({"time_out_s": 1.0}, r"did you mean timeout_s\?"),
        ({"close_timeout": 1}, r"did you mean close_timeout_s\?"),
        ({"Framing": "line"}, r"did you mean framing\?"),
        ({"framming": "line"}, r"did you mean framing\?"),
        ({"hosts": "tcp://a:1"}, r"did you mean host\?"),
    ],
)
def test_what_cannot_is_named_with_class_value_and_remedy(attributes: dict[str, Any], told: str) -> None:
    with pytest.raises(HarnessError, match=f"^Greeter: .*{told}") as refusal:
        check_settings(users(**attributes), Base)
    assert "\n" not in str(refusal.value)


def test_a_slip_in_a_class_between_is_found_too() -> None:
    between = type("Between", (Base,), {"timeout": 3})
    with pytest.raises(HarnessError, match="did you mean timeout_s"):
        check_settings(type("Greeter", (between,), {}), Base)


@pytest.mark.parametrize(
    ("own", "given", "told"),
    [
        (None, None, "no host is given"),
        ("tcp://name", None, "'tcp://name' has no port"),
        ("tcp://name:80", "tcp://other", "'tcp://other' has no port"),
        ("http://name:80", None, "is not a TCP target"),
        ("tcp://name:http", None, "no valid port"),
        ("tcp://name:80", "https://example.org", "is not a TCP target"),
    ],
)
def test_a_host_that_is_none_is_refused(own: str | None, given: str | None, told: str) -> None:
    with pytest.raises(HarnessError, match=f"^Greeter: .*{told}"):
        check_host(users(host=own), given, KNOWN)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(HarnessError, match=r"^Greeter: cannot find host 'name'"):
        check_host(users(host="tcp://name:80"), None, AddressBook(unknown))


@pytest.mark.parametrize(
    ("own", "given"), [("tcp://name:80", None), (None, "tcp://name:80"), ("bad", "tcp://name:80")]
)
def test_the_runs_host_wins_over_the_classes(own: str | None, given: str | None) -> None:
    check_host(users(host=own), given, KNOWN)
