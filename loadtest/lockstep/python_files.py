"""A user's own Python file, as a locustfile is one: loaded, and its classes of TcpUser found.

Whatever is wrong with it is one line, with the file's own line where there is one.
"""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.util import module_from_spec, spec_from_file_location
from itertools import repeat
from pathlib import Path
from types import ModuleType

from locust.shape import LoadTestShape
from locust.user.task import filter_tasks_by_tags

from lockstep.errors import HarnessError
from lockstep.traffic import UserFile
from lockstep.user_checks import check_settings
from lockstep.users import TcpUser


@lru_cache(maxsize=8)
def users_of(file: UserFile) -> tuple[type[TcpUser], ...]:
    """Its classes that extend TcpUser and are not abstract, as often as they are to be taken in turn.

    Loads the file, once in each process. HarnessError, in one line, where that cannot be, or where there is
    no such class with a task.
    """
    path = Path(file.path)
    classes = tuple(each for each in vars(_load(file)).values() if _is_of_it(each))
    if not classes:
        raise HarnessError(
            f"{path}: no class in it extends TcpUser: write class MyUser(TcpUser), with a method marked @task"
        )
    for each in classes:
        if file.tags or file.without_tags:
            filter_tasks_by_tags(each, set(file.tags) or None, set(file.without_tags) or None)
        if not each.tasks:
            left = " with these tags" if file.tags or file.without_tags else ""
            raise HarnessError(
                f"{path}:{_line_of(each)}: {each.__name__} has no task{left}: mark a method with @task, or "
                "set abstract = True"
            )
        try:
            check_settings(each, TcpUser)
        except HarnessError as refusal:
            raise HarnessError(f"{path}:{_line_of(each)}: {refusal}") from refusal
    return classes


def shape_in(file: UserFile) -> str | None:
    """The name of a LoadTestShape that it has, which only Locust itself heeds; None where it has none."""
    values = vars(_load(file)).values()
    return next((value.__name__ for value in values if _is_a_shape(value)), None)


def in_turn(classes: Sequence[type[TcpUser]]) -> Iterator[type[TcpUser]]:
    """Who the first user is, and the second, and so on: those of a fixed_count, then each as its weight says.

    Spread evenly, so that a few users too are as the weights have it.
    """
    for each in classes:
        yield from repeat(each, each.fixed_count)
    weights = {each: float(each.weight) for each in classes if not each.fixed_count and each.weight > 0}
    if not weights:
        # All that are left over are of the last kind: a cell has as many users as its level says.
        yield from repeat(classes[-1])
    total, credit = sum(weights.values()), dict.fromkeys(weights, 0.0)
    while True:
        for each, weight in weights.items():
            credit[each] += weight
        chosen = max(credit, key=credit.__getitem__)
        credit[chosen] -= total
        yield chosen


@lru_cache(maxsize=8)
def _load(file: UserFile) -> ModuleType:
    """Run the file, once in each process, as Locust does with a locustfile.

    Its folder is where its own imports are found.
    """
    path = Path(file.path)
    name = path.stem if path.stem not in sys.modules else f"lockstep_file_{path.stem}"
    spec = spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise HarnessError(f"{error.filename}:{error.lineno}: is not valid Python: {error.msg}") from error
    except OSError as error:
        raise HarnessError(f"{path}: cannot be read ({error.strerror}): check its name and mode") from error
    except (Exception, SystemExit) as error:
        raise HarnessError(f"{where(error, path)}: it cannot be loaded: {in_short(error)}") from error
    finally:
        sys.path.remove(str(path.parent))
    return module


def _is_of_it(value: object) -> bool:
    return inspect.isclass(value) and issubclass(value, TcpUser) and value.abstract is False


def _is_a_shape(value: object) -> bool:
    return inspect.isclass(value) and issubclass(value, LoadTestShape) and not value.abstract


def hosts_of(users: Sequence[type[TcpUser]]) -> list[str]:
    """The different hosts that classes name, in their order."""
    return list(dict.fromkeys(each.host for each in users if each.host))


def where(error: BaseException, path: Path) -> str:
    """Where in a file an exception came from, as `path:line`: the innermost line of the file itself."""
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)
    ]
    return f"{path}:{lines[-1]}" if lines else str(path)


def in_short(error: BaseException) -> str:
    """An exception in one line."""
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _line_of(users: type[TcpUser]) -> int:
    try:
        return inspect.getsourcelines(users)[1]
    except (OSError, TypeError):
        return 1
