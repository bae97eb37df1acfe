"""Records as JSON's objects, and back again, with the type of every field looked at."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import cattrs
from cattrs.cols import homogenous_tuple_structure_factory, is_sequence, list_structure_factory

from lockstep.errors import printable

_Record = TypeVar("_Record")

# Of any kind here, and of no other: cattrs by itself makes a text of whatever it gets, and 1 of true.
_TAKEN: Mapping[type, tuple[type, ...]] = {str: (str,), bool: (bool,), int: (int,), float: (float, int)}
# Nothing that is counted or measured comes to as much, and JSON's numbers may have any number of digits.
_LARGEST = 1e18
# No record of ours has as many others in it.
_DEEPEST = 20


def parse_json(text: str) -> Any:
    """What the text says, with every text in it fit for a line. ValueError where it is no JSON, or has a
    number that nobody measured."""
    document = json.loads(text, parse_int=_whole_number, parse_float=_number, parse_constant=_number)
    # Most lines of connections have nothing that could be otherwise.
    return document if "\\" not in text and text.isprintable() else _printable(document)


def check_plain(document: Any, depth: int = 0) -> None:
    """ValueError where JSON cannot carry it, or it has a number that nobody measured."""
    if document is None or isinstance(document, str | bool):
        return
    if isinstance(document, int | float):
        if not -_LARGEST <= document <= _LARGEST:
            raise ValueError(f"{document!r:.20} is no number that was measured")
    elif isinstance(document, Mapping | list | tuple) and depth < _DEEPEST:
        if isinstance(document, Mapping):
            for name in document:
                if not isinstance(name, str):
                    raise ValueError(f"{name!r:.40} is no name")
        for each in document.values() if isinstance(document, Mapping) else document:
            check_plain(each, depth + 1)
    else:
        raise ValueError(f"{document!r:.40} is nothing that is told")


def _printable(document: Any) -> Any:
    """What names and peers' words hold that would move a terminal, or begin a line, is escaped."""
    if isinstance(document, str):
        return printable(document)
    if isinstance(document, list):
        return [_printable(each) for each in document]
    if isinstance(document, dict):
        return {printable(name): _printable(value) for name, value in document.items()}
    return document


def _number(text: str) -> float:
    # NaN is no less than any, and is none of JSON's: nobody writes one.
    if not -_LARGEST <= (number := float(text)) <= _LARGEST:
        raise ValueError(f"{text:.20} is no number that was measured")
    return number


def _whole_number(text: str) -> int:
    _number(text)
    return int(text)


def _of(kind: type) -> Callable[[Any, type], Any]:
    taken = _TAKEN[kind]

    def checked(value: Any, _: type) -> Any:
        # bool is a kind of int to isinstance.
        if type(value) not in taken:
            raise TypeError(f"{value!r:.40} is no {kind.__name__}")
        return value

    return checked


def _one_after_another(kind: Any, converter: cattrs.BaseConverter) -> Callable[[Any, Any], Any]:
    tuples = getattr(kind, "__origin__", None) is tuple
    read = (homogenous_tuple_structure_factory if tuples else list_structure_factory)(kind, converter)

    def checked(value: Any, as_kind: Any) -> Any:
        # A text is a sequence too, of its letters.
        if not isinstance(value, list | tuple):
            raise TypeError(f"{value!r:.40} is no list")
        return read(value, as_kind)

    return checked


def _strict(*, detailed: bool) -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=detailed)
    for kind in _TAKEN:
        converter.register_structure_hook(kind, _of(kind))
    converter.register_structure_hook_factory(is_sequence, _one_after_another)
    converter.register_structure_hook_factory(_is_tuple_of_one_kind, _one_after_another)
    return converter


def _is_tuple_of_one_kind(kind: Any) -> bool:
    return getattr(kind, "__origin__", None) is tuple and kind.__args__[-1] is ...


# Where in a record it is wrong takes time to track, with every record: only once one is known to be so.
_converter = _strict(detailed=False)
_explaining_converter = _strict(detailed=True)


def read_record(document: Mapping[str, Any], kind: type[_Record]) -> _Record:
    """The record that it is, without fields that mean nothing here.

    ValueError says which is wrong, and how: `cells[3].level: '8' is no int`.
    """
    try:
        return _converter.structure(document, kind)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise ValueError(_reason(document, kind, error)) from error


def to_document(record: object) -> Any:
    """The record as what JSON has: objects, lists, texts, numbers."""
    return _converter.unstructure(record)


def _reason(document: Mapping[str, Any], kind: type, error: Exception) -> str:
    try:
        _explaining_converter.structure(document, kind)
    except cattrs.BaseValidationError as explained:
        reason, _, path = cattrs.transform_error(explained, "", _in_words)[0].rpartition(" @ ")
        return f"{path.removeprefix('.')}: {reason}" if path else reason
    return str(error)


def _in_words(error: BaseException, _: type | None) -> str:
    return "is missing" if isinstance(error, KeyError) else str(error)
