"""What can be wrong with a class of users that speak TCP, found without a run."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NoReturn

from lockstep.errors import HarnessError
from lockstep.tcp.addresses import ADDRESS_BOOK, AddressBook
from lockstep.tcp.by_id import FRAMES_ONLY, ById
from lockstep.tcp.dialling import find_way
from lockstep.tcp.endpoint import Endpoint
from lockstep_wire.choices import nearest
from lockstep_wire.framing import framing_of

# How much a name must be like that of a setting to be taken for a slip.
_ALIKE = 0.8


def check_settings(users: type[Any], base: type[Any]) -> None:
    """HarnessError where a class sets what no connection can be made with, or misspells a setting.

    base: the class of ours that it extends; what that sets is what can be set.
    """
    try:
        framing = framing_of(users.framing)
    except ValueError as error:
        _refuse(users, "framing", users.framing, str(error))
    match = getattr(users, "match", None)
    if match is not None and not isinstance(match, ById):
        _refuse(users, "match", match, "write by_id(...), or None where replies come in order")
    if match is not None and not framing.cuts:
        _refuse(users, "match", match, FRAMES_ONLY)
    if not isinstance(users.timing, bool):
        _refuse(users, "timing", users.timing, "write True or False")
    if not _is_size(users.max_frame):
        _refuse(users, "max_frame", users.max_frame, "write a whole number of bytes, 1 or more")
    for name in ("timeout_s", "close_timeout_s"):
        bound_s = getattr(users, name, None)
        if bound_s is not None and not _is_duration(bound_s):
            _refuse(users, name, bound_s, "write seconds, more than 0, or None for no bound")
    for name, value in _own(users, base):
        meant = nearest(name, _settings_of(base), _ALIKE)
        if meant is not None:
            _refuse(users, name, value, f"did you mean {meant}? If it is for yourself, name it otherwise")


def check_host(users: type[Any], host: str | None, addresses: AddressBook = ADDRESS_BOOK) -> None:
    """HarnessError where users of this class would not know whom to connect to.

    host: what is given for the whole run, and wins; None leaves it to the class.
    """
    try:
        find_way(Endpoint.whole(host or users.host), addresses)
    except HarnessError as error:
        raise HarnessError(f"{users.__name__}: {error}") from error


def _refuse(users: type[Any], name: str, value: object, remedy: str) -> NoReturn:
    raise HarnessError(f"{users.__name__}: {name} = {value!r} does not work: {remedy}")


def _is_duration(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and value > 0  # type: ignore[arg-type, operator]


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _settings_of(base: type[Any]) -> list[str]:
    return ["host", *(name for name, value in vars(base).items() if _is_setting(name, value))]


def _own(users: type[Any], base: type[Any]) -> Iterator[tuple[str, object]]:
    """What a class and those between it and ours set that ours does not know."""
    for each in users.__mro__[: users.__mro__.index(base)]:
        for name, value in vars(each).items():
            if _is_setting(name, value) and not hasattr(base, name):
                yield name, value


def _is_setting(name: str, value: object) -> bool:
    """Plain values only: whoever keeps a list or a function has named something of his own."""
    return not name.startswith("_") and isinstance(value, str | int | float | None)
