"""Our own packages, whatever lies in the folder or on the path that a program is started from.

`wire`, `server` and `loadtest` are names that others use too, and Python takes the first that it finds:
`-m` and Locust look into the working folder, PYTHONPATH is looked into before what is installed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
"""The folder that holds our packages: a checkout, or site-packages."""
PACKAGES = ("wire", "server", "loadtest")


class _Pinned(MetaPathFinder):
    """Finds these packages beside this one, and nothing else."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - as importlib calls it
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """See importlib; what lies inside a package is found by the package itself."""
        return PathFinder.find_spec(fullname, [str(ROOT)], target) if fullname in self._names else None


def pin() -> None:
    """For a process that runs our programs alone: from now on every package of ours is ours."""
    sys.meta_path.insert(0, _Pinned(PACKAGES))


@contextmanager
def ours(name: str) -> Iterator[None]:
    """For a process that runs somebody else's code too: within the context, imports of `name` find ours.

    Afterwards the name means what it means to everybody else there: their own package, where they have one.
    What was imported within stays with whom imported it.
    """
    loaded = sys.modules.get(name)
    theirs = {} if loaded is None or _lies_here(name, loaded.__spec__) else _take_out(name)
    finder = _Pinned((name,))
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        mine = _take_out(name)
        sys.modules.update(theirs if theirs or _others_win(name) else mine)


def _take_out(name: str) -> dict[str, ModuleType]:
    """A package and what it holds, no longer among the modules that are loaded."""
    taken = [each for each in sys.modules if each == name or each.startswith(f"{name}.")]
    return {each: sys.modules.pop(each) for each in taken}


def _others_win(name: str) -> bool:
    """Whether an import of a name that is not loaded would find somebody else's."""
    found = find_spec(name)
    return found is not None and not _lies_here(name, found)


def _lies_here(name: str, spec: ModuleSpec | None) -> bool:
    """Whether what was found under this name is the package beside this one."""
    origin = None if spec is None else spec.origin
    return origin is not None and Path(origin).resolve().parent == ROOT / name
