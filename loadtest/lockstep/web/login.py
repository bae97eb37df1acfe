"""A login for Locust's page by its own means: its login page, and what it asks of whoever opens any other.

There is one user, whom two variables of the process name. Nothing is kept: who has logged in has a cookie,
signed with a key of this process.
"""

from __future__ import annotations

import hmac
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import gevent
from flask import Flask, Request, Response, redirect, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from flask_login import UserMixin, login_user
from werkzeug.security import check_password_hash, generate_password_hash

from lockstep.errors import HarnessError
from lockstep.settings import PAGE_PASSWORD, PAGE_USER

if TYPE_CHECKING:
    from locust.web import WebUI

logger = logging.getLogger(__name__)

# As werkzeug writes a hash: method and its numbers, salt, digest.
_METHODS = ("scrypt:", "pbkdf2:")
# So many wrong passwords of an address cost it no wait, and each one more twice the wait of the one before.
FREE_TRIES = 3
LONGEST_WAIT_S = 60.0
# Who has been quiet for the longest is forgotten first.
MOST_ADDRESSES = 1_000

WRONG = "Wrong user or password."


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who may open the page. password_hash: as werkzeug writes one."""

    user: str
    password_hash: str

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self | None:
        """None where neither variable is set. HarnessError where one is, or a hash is none."""
        user, password = environment.get(PAGE_USER, ""), environment.get(PAGE_PASSWORD, "")
        if not user and not password:
            return None
        if not user or not password:
            missing, given = (PAGE_PASSWORD, PAGE_USER) if user else (PAGE_USER, PAGE_PASSWORD)
            raise HarnessError(f"{given} is set and {missing} is not: a login needs both, none needs neither")
        if not password.startswith(_METHODS):
            return cls(user, generate_password_hash(password))
        try:
            check_password_hash(password, "")
        except ValueError as error:
            raise HarnessError(
                f"{PAGE_PASSWORD} is no hash that werkzeug can read ({error}): make one with "
                "werkzeug.security.generate_password_hash, and mind that a shell and .env heed its $"
            ) from error
        if password.count("$") != 2:
            raise HarnessError(
                f"{PAGE_PASSWORD} begins like a hash and has not the three parts of one: write it in single "
                "quotes, for a shell and .env heed its $"
            )
        return cls(user, password)

    def match(self, user: str, password: str) -> bool:
        """In the same time whatever is wrong. Takes some 50 ms of a core, by design of the hash."""
        named = hmac.compare_digest(self.user.encode(), user.encode())
        return check_password_hash(self.password_hash, password) and named


class Patience:
    """How long who has given wrong passwords waits before another is looked at. clock_s: monotonic."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        # address -> how many wrong ones, and until when it waits; the longest quiet first.
        self._wrong: dict[str, tuple[int, float]] = {}

    def wait_s(self, address: str) -> float:
        """How long it still has to wait, in seconds."""
        _, until_s = self._wrong.get(address, (0, 0.0))
        return max(0.0, until_s - self._clock_s())

    def note_try(self, address: str) -> None:
        """It counts as wrong until forget is called: so several at once are no way around the wait."""
        wrong = self._wrong.pop(address, (0, 0.0))[0] + 1
        # Beyond some thirty doublings nobody is any the wiser.
        wait_s = min(2.0 ** min(wrong - FREE_TRIES, 30), LONGEST_WAIT_S) if wrong >= FREE_TRIES else 0.0
        self._wrong[address] = (wrong, self._clock_s() + wait_s)
        if len(self._wrong) > MOST_ADDRESSES:
            del self._wrong[next(iter(self._wrong))]

    def forget(self, address: str) -> None:
        """It knows the password."""
        self._wrong.pop(address, None)


class _User(UserMixin):  # type: ignore[misc]
    """Who has logged in."""

    def __init__(self, name: str) -> None:
        self.id = name


class _Cookie(SecureCookieSessionInterface):
    """Its cookie is for https alone where that is how the page is opened, here or at a proxy in front."""

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002 - as Flask calls it
        """Of the request that is being answered."""
        return request.is_secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https"


def add_login(
    web: WebUI, app: Flask, credentials: Credentials, base_path: str = "", patience: Patience | None = None
) -> None:
    """Let nobody see anything of Locust's page and ours who has not logged in.

    web: Locust's, made with its option web_login, which guards its views. base_path: what its paths begin
    with.
    """
    if not web.web_login:
        raise HarnessError(f"{PAGE_USER} is set, and this Locust was started without --web-login: add it")
    waits = patience or Patience()
    app.secret_key = secrets.token_bytes(32)
    app.session_interface = _Cookie()
    # Not Flask's name for it: cookies heed no port, and another program's on this machine is another.
    app.config.update(
        SESSION_COOKIE_NAME="lockstep", SESSION_COOKIE_HTTPONLY=True, SESSION_COOKIE_SAMESITE="Strict"
    )
    web.login_manager.user_loader(lambda name: _User(name) if name == credentials.user else None)
    path = f"{base_path}/lockstep/login"
    web.auth_args = {"username_password_callback": path}

    def refuse(words: str) -> Response:
        session["auth_error"] = words
        return redirect(url_for("locust.login"), 303)  # type: ignore[return-value]

    def objection(user: str, password: str) -> str | None:
        address = request.remote_addr or ""
        if wait_s := waits.wait_s(address):
            return f"Too many wrong passwords: wait {wait_s:.0f} s, then try again."
        waits.note_try(address)
        # Beside the loop, which has workers and a run to see to.
        if not gevent.get_hub().threadpool.apply(credentials.match, (user, password)):
            # Not what was given as a user: it may well be the password.
            logger.warning("a wrong user or password for the page, from %s", address)
            return WRONG
        waits.forget(address)
        return None

    def known_by_header(asking: Request) -> _User | None:
        given = asking.authorization
        if given is None or given.type != "basic" or objection(given.username or "", given.password or ""):
            return None
        return _User(credentials.user)

    # Of programs, which have no use for a page and a cookie; no browser is asked for it.
    web.login_manager.request_loader(known_by_header)

    def log_in() -> Response:
        if words := objection(request.form.get("username", ""), request.form.get("password", "")):
            return refuse(words)
        login_user(_User(credentials.user))
        return redirect(url_for("locust.index"), 303)  # type: ignore[return-value]

    app.add_url_rule(path, "lockstep_login", log_in, methods=["POST"])
