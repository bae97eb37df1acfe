"""Lockstep: how many connections a threaded TCP server can serve at once, and what its locking costs.

What is exported here is the public API; everything else may change between versions.

    from lockstep import TcpUser

It is looked up only as it is asked for: reports are made in processes that must not load Locust, which
replaces threads and locks by greenlets.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lockstep.tcp.by_id import by_id
    from lockstep.tcp.replies import prefix, size, sized, until
    from lockstep.users import TcpUser
    from lockstep_wire.framing import Malformed
    from lockstep_wire.framings.delimited import delimited
    from lockstep_wire.framings.length import length
    from lockstep_wire.framings.memcached import Memcached
    from lockstep_wire.framings.mqtt import Mqtt
    from lockstep_wire.framings.own import framed_by
    from lockstep_wire.framings.postgresql import PostgreSQL
    from lockstep_wire.framings.resp import Resp
    from lockstep_wire.framings.sizes import fixed, varint

    __version__: str

_EXPORTED = {
    "Malformed": ("lockstep_wire.framing", "Malformed"),
    "Memcached": ("lockstep_wire.framings.memcached", "Memcached"),
    "Mqtt": ("lockstep_wire.framings.mqtt", "Mqtt"),
    "PostgreSQL": ("lockstep_wire.framings.postgresql", "PostgreSQL"),
    "Resp": ("lockstep_wire.framings.resp", "Resp"),
    "TcpUser": ("lockstep.users", "TcpUser"),
    "by_id": ("lockstep.tcp.by_id", "by_id"),
    "delimited": ("lockstep_wire.framings.delimited", "delimited"),
    "fixed": ("lockstep_wire.framings.sizes", "fixed"),
    "framed_by": ("lockstep_wire.framings.own", "framed_by"),
    "length": ("lockstep_wire.framings.length", "length"),
    "prefix": ("lockstep.tcp.replies", "prefix"),
    "size": ("lockstep.tcp.replies", "size"),
    "sized": ("lockstep.tcp.replies", "sized"),
    "until": ("lockstep.tcp.replies", "until"),
    "varint": ("lockstep_wire.framings.sizes", "varint"),
    "__version__": ("lockstep_wire.build", "VERSION"),
}

__all__ = [
    "Malformed",
    "Memcached",
    "Mqtt",
    "PostgreSQL",
    "Resp",
    "TcpUser",
    "__version__",
    "by_id",
    "delimited",
    "fixed",
    "framed_by",
    "length",
    "prefix",
    "size",
    "sized",
    "until",
    "varint",
]


def __getattr__(name: str) -> Any:
    """The exported thing. AttributeError for any other name."""
    if name not in _EXPORTED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _EXPORTED[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
