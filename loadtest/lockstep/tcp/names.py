"""What messages are called: in a row of the journal a small number, a text only where people read it."""

from __future__ import annotations

import logging
from typing import Final

from lockstep.errors import HarnessError

logger = logging.getLogger(__name__)

# Each has a histogram of a quarter of a megabyte in every worker.
MOST_NAMES = 100
OTHERS = "(other names)"
UNNAMED: Final = ""

# In a row's tag: nobody looked at the reply, which may have said anything.
UNCHECKED = 1
_NAME_SHIFT = 1

_names: list[str] = [UNNAMED]
_numbers: dict[str, int] = {UNNAMED: 0}


def tag_of(name: str | None, *, checked: bool) -> int:
    """The tag of a message's row: what it is called, and whether its reply is checked.

    name: None where it has none; HarnessError where that is no text. After MOST_NAMES all others are one.
    """
    number = _numbers.get(name or UNNAMED) if name is None or isinstance(name, str) else None
    if number is None:
        number = _enter(name)
    return number << _NAME_SHIFT | (0 if checked else UNCHECKED)


def name_of(tag: int) -> str:
    """What messages with this tag are called; "" where they have no name."""
    return _names[tag >> _NAME_SHIFT]


def _enter(name: object) -> int:
    if not isinstance(name, str):
        raise HarnessError(f'name={name!r:.40} is {type(name).__name__}: give a text, such as name="login"')
    if len(_names) > MOST_NAMES and name != OTHERS:
        if OTHERS not in _numbers:
            logger.warning(
                "more than %d names of messages: %r and all further ones are counted as %s",
                MOST_NAMES,
                name,
                OTHERS,
            )
        return _numbers.get(OTHERS) or _enter(OTHERS)
    _names.append(name)
    _numbers[name] = len(_names) - 1
    return _numbers[name]
