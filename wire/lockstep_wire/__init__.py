"""Bytes to messages and back, for both ends of a connection. Nothing in here ever sees a socket."""

from __future__ import annotations

from ipaddress import IPv6Address


def address_text(host: str, port: int) -> str:
    """`ip:port` of a numeric address, with brackets around IPv6: the same text on both sides.

    An IPv4 address that came in over IPv6 (`::ffff:192.0.2.1`) is written as IPv4, as the other side knows
    it. A scope (`fe80::1%eth0`) is left out: each machine has its own name for it.
    """
    if ":" not in host:
        return f"{host}:{port}"
    address = IPv6Address(host.partition("%")[0])
    mapped = address.ipv4_mapped
    return f"[{address}]:{port}" if mapped is None else f"{mapped}:{port}"
