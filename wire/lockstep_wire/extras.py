"""What only an extra installs, `pip install 'locust-lockstep[report]'`, and what to say without it."""

from __future__ import annotations

# A module that is not of the base installation, and the extra that brings it. Each of requirements/*.in is
# one: those of this table stand in report.in and server.in.
EXTRAS = {
    "altair": "report",
    "jinja2": "report",
    "prometheus_client": "server",
    "vl_convert": "report",
}


def remedy(missing: ModuleNotFoundError) -> str | None:
    """One line: what is not installed, and the command for it. None where no extra would bring it."""
    extra = EXTRAS.get((missing.name or "").partition(".")[0])
    return extra and f"{missing.name} is not installed: pip install 'locust-lockstep[{extra}]'"
