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
    from lockstep.tcp.messages import sized, until
    from lockstep.users import TcpUser
    from lockstep_wire.framings.delimited import delimited
    from lockstep_wire.framings.length import length
    from lockstep_wire.framings.own import framed_by
    from lockstep_wire.framings.sizes import fixed, varint
    from lockstep_wire.peer import Malformed

    __version__: str

_EXPORTED = {
    "Malformed": ("lockstep_wire.peer", "Malformed"),
    "TcpUser": ("lockstep.users", "TcpUser"),
    "delimited": ("lockstep_wire.framings.delimited", "delimited"),
    "fixed": ("lockstep_wire.framings.sizes", "fixed"),
    "framed_by": ("lockstep_wire.framings.own", "framed_by"),
    "length": ("lockstep_wire.framings.length", "length"),
    "sized": ("lockstep.tcp.messages", "sized"),
    "until": ("lockstep.tcp.messages", "until"),
    "varint": ("lockstep_wire.framings.sizes", "varint"),
    "__version__": ("lockstep_wire.build", "VERSION"),
}

__all__ = [
    "Malformed",
    "TcpUser",
    "__version__",
    "delimited",
    "fixed",
    "framed_by",
    "length",
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
