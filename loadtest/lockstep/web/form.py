"""Guards Locust's page, and its start form.

Refuses what did not come from the page itself, and what makes no sense before anything starts.
"""

from __future__ import annotations

import logging
import math
import re
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import quote

from flask import Flask, Response, jsonify, request
from flask_cors.core import FLASK_CORS_EVALUATED

from lockstep.errors import REFUSALS, PlanError
from lockstep.settings import Where, given_by
from lockstep.web.published import Published

logger = logging.getLogger(__name__)

# Locust's /swarm would set any option it knows; only these belong to the form.
_LOCUSTS_OWN = {"user_count", "spawn_rate", "host", "run_time", "profile", "users", "num_users"}
LONGEST_PROFILE = 200
# As Locust reads it, up to some years: its timer knows no longer ones.
_RUN_TIME = re.compile(r"(?=\d)(\d{1,4}h)?(\d{1,6}m)?(\d{1,8}s)?|\d{1,8}")
_FIELDS = {setting.key: setting for setting in given_by(Where.FORM)}

# What every answer tells the page's script (static/guard.js): the kind of the run that is under way, and why
# the last one could not go on, with its special characters escaped.
KIND_HEADER = "Lockstep-Run"
FAILURE_HEADER = "Lockstep-Failure"


class Driver(Protocol):
    """Who makes runs ready: what the form has to ask of it."""

    @property
    def under_way(self) -> str | None:
        """The kind of the run that is under way, `plan` or `hand`; None where there is none."""

    @property
    def failure(self) -> str | None:
        """Why the current or last run could not begin or go on."""

    def ask(self, options: Namespace, host: str | None, users: int) -> None:
        """Make the next run ready, or let this one have another number of users; one of REFUSALS if not.

        host: the form's field, empty where nothing is entered; None where the request has no such field.
        """


def guard_requests(app: Flask, published: Published) -> None:
    """Refuse every request of another site's page, whatever it asks for, and let none read an answer."""

    @app.before_request
    def check_sender() -> tuple[Response, int] | None:
        # Not what Flask makes of it: without one it would be the address that is listened on.
        refusal = published.refusal(request.headers.get("Host"), request.headers.get("Origin"))
        if refusal is None:
            return None
        logger.warning("refused a request from %s: %s", request.remote_addr, refusal)
        return _refused(refusal), 403

    @app.after_request
    def keep_to_own_pages(answer: Response) -> Response:
        # Locust lets every site's pages read its answers, from then on and where it answers an error.
        setattr(answer, FLASK_CORS_EVALUATED, True)
        for name in [name for name, _ in answer.headers if name.lower().startswith("access-control-")]:
            del answer.headers[name]
        # Nor may one lay it under its own, for a click that was meant for something else.
        answer.headers.setdefault("X-Frame-Options", "SAMEORIGIN")
        return answer


def guard_form(app: Flask, driver: Driver, options: Namespace) -> None:
    """Check every start request before Locust's own handler sees it.

    options: what the form's fields start from.
    """

    # The page shows its fields in the order of a JSON object: ours, not the alphabet's.
    app.jinja_env.policies["json.dumps_kwargs"] = {"sort_keys": False}

    @app.before_request
    def check_request() -> Response | None:
        if request.method != "POST":
            return None
        if request.path.endswith("/user") and not getattr(options, "class_picker", False):
            # Locust sets whatever attribute of the class it is told, for all later runs.
            return _refused("what users do is set in the form on the page at /, and nowhere else")
        if not request.path.endswith("/swarm"):
            return None
        try:
            check_locusts_own(request.form)
            choices = chosen(options, request.form)
            users = request.form.get("user_count", default=1, type=int)
            driver.ask(choices, request.form.get("host"), users)
        except REFUSALS as refusal:
            logger.warning("refused: %s", _by_field(refusal))
            return _refused(_by_field(refusal))
        return None

    @app.after_request
    def tell_script(answer: Response) -> Response:
        # Locust gives some answers twice: what the first was told is not to stay.
        answer.headers.pop(FAILURE_HEADER, None)
        answer.headers[KIND_HEADER] = driver.under_way or "none"
        if driver.failure is not None:
            answer.headers[FAILURE_HEADER] = quote(driver.failure)
        return answer


def show_choices(web: Any, options: Namespace, modes: Sequence[str]) -> None:
    """Let the form show what was chosen last, also after a reload: Locust's would show its options' defaults.

    web: Locust's WebUI. options: Locust's, in which it keeps what the form said. modes: those to choose from.
    """
    locusts: Callable[[], None] = web.update_template_args

    def update() -> None:
        locusts()
        # Its Edit would show the users spawned so far, in a run that is still starting them.
        if web.template_args["user_count"] and web.template_args["num_users"]:
            web.template_args["user_count"] = web.template_args["num_users"]
        for name, field in web.template_args["extra_options"].items():
            field["default_value"] = getattr(options, name)
        web.template_args["extra_options"]["mode"]["choices"] = list(modes)

    web.update_template_args = update


def check_locusts_own(form: Mapping[str, str]) -> None:
    """PlanError names one of Locust's own fields that makes no sense: it would keep it before it looks."""
    for name in ("user_count", "num_users"):
        if name in form and not (form[name].isascii() and form[name].isdigit() and int(form[name][:10])):
            raise PlanError(name, f"{form[name]!r:.40} is no number of users: give 1 or more")
    rate = form.get("spawn_rate", "1")
    try:
        sensible = 0 < float(rate) < math.inf
    except ValueError:
        sensible = False
    if not sensible:
        raise PlanError("spawn_rate", f"{rate!r:.40} is no number of users per second: give for example 10")
    if (run_time := form.get("run_time", "")) and not _RUN_TIME.fullmatch(run_time.strip()):
        raise PlanError("run_time", f"{run_time!r:.40} is no time: write for example 90s, 20m or 1h30m")
    profile = form.get("profile", "")
    if len(profile) > LONGEST_PROFILE or not profile.isprintable():
        raise PlanError("profile", f"{profile!r:.40} is no name: at most {LONGEST_PROFILE} letters will do")


def chosen(options: Namespace, form: Mapping[str, str]) -> Namespace:
    """The options with the form's choices in place, each of its option's type.

    PlanError names a field that is wrong or unknown.
    """
    unknown = sorted(set(form) - _LOCUSTS_OWN - set(_FIELDS))
    if unknown:
        raise PlanError(unknown[0], "is not a field of this form: start from the page at /")
    choices = vars(options).copy()
    choices |= {key: setting.parse(form[key]) for key, setting in _FIELDS.items() if key in form}
    return Namespace(**choices)


def _by_field(refusal: Exception) -> str:
    """The refusal in the words of the page, which knows fields and no flags."""
    if not isinstance(refusal, PlanError):
        return str(refusal)
    return f"{refusal.what.replace('_', ' ').replace('-', ' ').capitalize()}: {refusal}"


def _refused(message: str) -> Response:
    return jsonify({"success": False, "message": message})
