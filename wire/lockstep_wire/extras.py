"""What only an extra installs, `pip install 'locust-lockstep[report]'`, and what to say without it."""

from __future__ import annotations

from importlib.util import find_spec

# A module that is not of the base installation, and the extra that brings it. Each of requirements/*.in is
# one: those of this table stand in report.in and server.in.
DRAWING = "report"
# It brings a program, and no module.
PROFILING = "profile"
EXTRAS = {
    "altair": DRAWING,
    "jinja2": DRAWING,
    "prometheus_client": "server",
    "vl_convert": DRAWING,
}


def remedy(missing: ModuleNotFoundError) -> str | None:
    """One line: what is not installed, and the command for it. None where no extra would bring it."""
    extra = EXTRAS.get((missing.name or "").partition(".")[0])
    return extra and f"{missing.name} is not installed: {install(extra)}"


def lacking(extra: str) -> str | None:
    """The command that installs what an extra brings; None where all of it is there. Imports nothing."""
    modules = (module for module, brings in EXTRAS.items() if brings == extra)
    return install(extra) if any(find_spec(module) is None for module in modules) else None


def install(extra: str) -> str:
    """The command that installs what an extra brings."""
    return f"pip install 'locust-lockstep[{extra}]'"
