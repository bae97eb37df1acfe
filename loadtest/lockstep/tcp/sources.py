"""Local addresses from which connections are opened, as a list in a text."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from lockstep.errors import PlanError

MAX_SOURCES = 1024


def parse_sources(text: str) -> tuple[str, ...]:
    """`127.0.0.1,127.0.0.2` or `127.0.0.1-127.0.0.8`, both ends included, or both together -> the addresses.

    Commas and blanks both separate; nothing gives none. PlanError where it is no such list.
    """
    addresses: list[str] = []
    for word in text.replace(",", " ").split():
        addresses += _range(word)
        if len(addresses) > MAX_SOURCES:
            raise PlanError("source", f"{text!r} names more than {MAX_SOURCES} addresses: name fewer")
    twice = next((address for address in addresses if addresses.count(address) > 1), None)
    if twice is not None:
        raise PlanError("source", f"{text!r} names {twice} twice: name each address once")
    return tuple(addresses)


def _range(word: str) -> list[str]:
    low, dash, high = word.partition("-")
    first = _address(low, word)
    last = _address(high, word) if dash else first
    if first.version != last.version or int(first) > int(last):
        raise PlanError(
            "source", f"{word!r} is not a range: write the lower address first, as in 127.0.0.1-127.0.0.8"
        )
    # One more than the limit is enough to see that there are too many.
    end = min(int(last), int(first) + MAX_SOURCES)
    return [str(type(first)(number)) for number in range(int(first), end + 1)]


def _address(text: str, word: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(text)
    except ValueError:
        raise PlanError(
            "source",
            f"{word!r} is not an address: write for example 127.0.0.1,127.0.0.2 or 127.0.0.1-127.0.0.8",
        ) from None
