"""Guards Locust's start form.

Refuses what makes no sense before anything starts, and what did not come from the page itself.
"""

from __future__ import annotations

import logging
from argparse import Namespace
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlsplit

from flask import Flask, Response, jsonify, request

from loadtest.plan import PlanError
from loadtest.refusals import REFUSALS

logger = logging.getLogger(__name__)

# Locust's /swarm would set any option it knows; only these belong to the form.
_LOCUSTS_OWN = {"user_count", "spawn_rate", "host", "run_time", "profile", "users", "num_users"}
_CHOICES = {"run", "mode", "client_mode", "scenario", "arrival", "rate", "messages", "payload"}
_CHOICES |= {"modes", "levels", "repeats", "seconds", "warmup", "seed"}


class Prepares(Protocol):
    """Makes the next run ready, or refuses with one of REFUSALS."""

    def prepare(self, options: Namespace, host: str | None, users: int) -> None:
        """Starts nothing."""


def guard_form(app: Flask, driver: Prepares, options: Namespace) -> None:
    """Check every start request before Locust's own handler sees it.

    options: what the form's fields start from.
    """

    # The page shows its fields in the order of a JSON object: ours, not the alphabet's.
    app.jinja_env.policies["json.dumps_kwargs"] = {"sort_keys": False}

    @app.before_request
    def check_request() -> Response | tuple[Response, int] | None:
        if request.method != "POST":
            return None
        if not _from_own_page(request.headers.get("Origin"), request.host):
            return _refused("this request came from another site's page"), 403
        if not request.path.endswith("/swarm"):
            return None
        try:
            choices = chosen(options, request.form)
            if "run" in request.form:  # the page's Edit has the number of users alone
                users = request.form.get("user_count", default=1, type=int)
                driver.prepare(choices, request.form.get("host"), users)
        except REFUSALS as refusal:
            # The page's Edit dialog shows no answer; its Logs tab does.
            logger.warning("refused: %s", _by_field(refusal))
            return _refused(_by_field(refusal))
        return None


def chosen(options: Namespace, form: Mapping[str, str]) -> Namespace:
    """The options with the form's choices in place, each of its option's type.

    PlanError names a field that is wrong or unknown.
    """
    unknown = sorted(set(form) - _LOCUSTS_OWN - _CHOICES)
    if unknown:
        raise PlanError(unknown[0], "is not a field of this form: start from the page at /")
    choices = vars(options).copy()
    for name in _CHOICES & set(form):
        kind = type(choices[name])
        try:
            choices[name] = kind(form[name])
        except ValueError:
            wanted = "a whole number" if kind is int else "a number"
            raise PlanError(name, f"{form[name]!r} is not {wanted}") from None
    return Namespace(**choices)


def _from_own_page(origin: str | None, host: str) -> bool:
    """Whether a browser sent this from our own page; a client that is no browser sends no origin."""
    return origin is None or urlsplit(origin).netloc == host


def _by_field(refusal: Exception) -> str:
    """The refusal in the words of the page, which knows fields and no flags."""
    if not isinstance(refusal, PlanError):
        return str(refusal)
    return f"{refusal.what.replace('_', ' ').replace('-', ' ').capitalize()}: {refusal}"


def _refused(message: str) -> Response:
    return jsonify({"success": False, "message": message})
