"""Messages that end with a mark, which is part of them: bytes, or whatever a regular expression matches."""

from __future__ import annotations

import re

from lockstep_wire.framing import Decoder, FrameTooLong, Framing, Maker
from lockstep_wire.framings.stepwise import Held, StepwiseDecoder

_LONGEST_MARK = 256
_MOST = 1 << 20
_Pattern = re.Pattern[bytes]


class UntilDecoder(StepwiseDecoder):
    """Looks at each byte a bounded number of times: no mark is longer than _LONGEST_MARK."""

    __slots__ = ("_limit", "_mark", "_searched")

    def __init__(self, mark: _Pattern, limit: int) -> None:
        super().__init__()
        self._mark = mark
        self._limit = limit
        self._searched = 0

    def _size_of(self, held: Held, start: int) -> int:
        # A view of its own: what stands before this frame is not looked back at.
        with memoryview(held) as all_held, all_held[start:] as frame:
            end = mark_end(self._mark, frame, self._searched)
        size = end or len(held) - start
        if size > self._limit:
            raise FrameTooLong(size, self._limit)
        self._searched = 0 if end else size
        return size if end else 0

    def _payload(self, frame: bytes) -> bytes:
        return frame


class Until(Framing):
    """A payload goes on until its mark, and with it. What is sent is sent as it is.

    Is the end of one raw reply too: called with the bytes that are there, it tells how many of them are it.
    """

    def __init__(self, mark: bytes | _Pattern, most: int = _MOST) -> None:
        """See until()."""
        try:
            self._mark: _Pattern = re.compile(re.escape(mark)) if isinstance(mark, bytes) else mark
            ends_nothing = self._mark.match(b"") is not None
        except (TypeError, AttributeError):
            remedy = "give bytes, b'...', or a pattern of bytes, re.compile(rb'...')"
            raise ValueError(f"until({mark!r:.60}): {remedy}") from None
        if ends_nothing:
            raise ValueError(f"until({mark!r:.60}): give the bytes that a reply ends with")
        self._most = most
        self.name = f"until:{_spelt(self._mark)}"

    def __call__(self, held: bytes) -> int | None:
        """How many of these bytes are the reply, None if more must come; FrameTooLong beyond `most`."""
        end = mark_end(self._mark, held, 0)
        if (end or len(held)) > self._most:
            raise FrameTooLong(len(held), self._most, held)
        return end or None

    def encode(self, payload: bytes) -> bytes:
        """See Framing.encode."""
        return payload

    def decoder(self, max_frame: int) -> Decoder:
        """See Framing.decoder."""
        return UntilDecoder(self._mark, min(max_frame, self._most))


def until(mark: bytes | _Pattern, most: int = _MOST) -> Until:
    r"""Messages that end with the bytes `mark`, or with a match of that pattern, which is part of them.

    A pattern, as `re.compile(rb"^(OK|ERR .*)\r\n", re.M)`, is heeded as soon as it matches, with 256 bytes at
    most. One that looks at what follows (`$`, `\b`, `(?!...)`) would depend on how the stream was cut.
    most: bytes of a message; a longer one is a MISMATCH. ValueError where there is no mark.
    """
    return Until(mark, most)


def mark_end(mark: _Pattern, held: bytes | memoryview, searched: int) -> int:
    """Where the first mark ends; 0 if none does.

    That is the first place where the mark is found by one who is given a byte at a time. searched: up to
    where there is none.
    """
    at = max(0, searched - _LONGEST_MARK + 1)
    while (found := mark.search(held, at)) is not None:
        begin = found.start()
        first = _first_seen(mark, held, begin, found.end())
        seen = mark.search(held, begin, first)
        if seen is not None and seen.end() and first - seen.start() <= _LONGEST_MARK:
            return seen.end()
        at = begin + 1
    return 0


def _first_seen(mark: _Pattern, held: bytes | memoryview, begin: int, end: int) -> int:
    """With how many bytes of what is held the mark is found: more do not undo that."""
    few, enough = begin, end if mark.search(held, begin, end) is not None else len(held)
    while enough - few > 1:
        middle = (few + enough) // 2
        if mark.search(held, begin, middle) is None:
            few = middle
        else:
            enough = middle
    return enough


def _spelt(mark: _Pattern) -> str:
    """The pattern as text on one line, its flags in front."""
    flags = "".join(letter for letter, flag in _FLAGS.items() if mark.flags & flag)
    text = mark.pattern.decode("latin-1")
    plain = "".join(each if each.isprintable() and each.isascii() else _escaped(each) for each in text)
    said = _SAID_FLAGS.match(plain)
    return plain if set(flags) <= set(said[1] if said else "") else f"(?{flags}){plain}"


_SAID_FLAGS = re.compile(r"\(\?([a-z]+)\)")
_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}


def _escaped(character: str) -> str:
    return repr(character)[1:-1] if character in "\r\n\t" else f"\\x{ord(character):02x}"


def _from_text(rest: str) -> Framing:
    try:
        return Until(re.compile(rest.encode("latin-1", "backslashreplace")))
    except re.error as error:
        raise ValueError(f"until:{rest}: no regular expression: {error}") from None


MAKERS: dict[str, Maker] = {"until": _from_text}
