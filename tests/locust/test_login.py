"""The login in Locust's real web interface: what it guards, its cookie, and wrong passwords."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from flask.testing import FlaskClient
from locust.web import WebUI
from werkzeug.test import TestResponse

from lockstep.errors import HarnessError
from lockstep.settings import PAGE_PASSWORD, PAGE_USER
from lockstep.web.login import FREE_TRIES, WRONG, Credentials, Patience, add_login
from tests.locust.test_live_page import web

# What is open to whoever has not logged in: the login page, what it is drawn with, and where it sends to.
OPEN = {"/login", "/assets/<path:path>", "/lockstep/login", "/static/<path:filename>"}


@pytest.fixture
def site() -> WebUI:
    return guarded(web(login=True))


def guarded(site: WebUI) -> WebUI:
    credentials = Credentials.of({PAGE_USER: "ann", PAGE_PASSWORD: "open sesame"})
    assert credentials is not None
    assert site.app is not None
    add_login(site, site.app, credentials, patience=Patience(lambda: 0.0))
    return site


@pytest.fixture
def client(site: WebUI) -> FlaskClient:
    assert site.app is not None
    return site.app.test_client()


def log_in(client: FlaskClient, password: str = "open sesame", **how: Any) -> TestResponse:
    return client.post("/lockstep/login", data={"username": "ann", "password": password}, **how)


def test_nothing_of_locusts_and_ours_is_told_or_done_before_the_login(
    site: WebUI, client: FlaskClient
) -> None:
    assert site.app is not None
    guarded_rules = [rule for rule in site.app.url_map.iter_rules() if rule.rule not in OPEN]
    assert {"/", "/swarm", "/stop", "/user", "/lockstep/state"} <= {rule.rule for rule in guarded_rules}
    for rule in guarded_rules:
        for method in (rule.methods or set()) - {"OPTIONS"}:
            answer = client.open(rule.rule.replace("<name>", "live.js"), method=method)
            assert answer.status_code == 302, (method, rule.rule)
            assert answer.headers["Location"].startswith("/login"), (method, rule.rule)


def test_who_has_logged_in_sees_it_all_and_has_a_cookie_that_no_script_and_no_other_site_can_use(
    client: FlaskClient,
) -> None:
    answer = log_in(client)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Secure" not in cookie
    for path in ("/", "/stats/requests", "/lockstep/state"):
        assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    "how", [{"base_url": "https://localhost"}, {"headers": {"X-Forwarded-Proto": "https"}}]
)
def test_where_it_is_opened_by_https_the_cookie_is_for_that_alone(
    client: FlaskClient, how: dict[str, Any]
) -> None:
    assert "; Secure" in log_in(client, **how).headers["Set-Cookie"]


def test_a_wrong_password_opens_nothing_and_is_told_and_logged_without_it(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        answer = log_in(client, "open barley")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")
    assert WRONG in client.get("/login").text
    assert client.get("/").status_code == 302
    (record,) = caplog.records
    assert record.getMessage() == "a wrong user or password for the page, from 127.0.0.1"


def test_after_a_few_of_them_the_right_one_has_to_wait_too(client: FlaskClient) -> None:
    for _ in range(FREE_TRIES):
        log_in(client, "open barley")
    log_in(client)
    assert "wait 1 s" in client.get("/login").text
    assert client.get("/").status_code == 302


def test_a_program_gives_user_and_password_with_each_request_and_waits_like_anybody(
    client: FlaskClient,
) -> None:
    assert client.get("/lockstep/state", auth=("ann", "open sesame")).status_code == 200
    assert client.get("/lockstep/state").status_code == 302
    for _ in range(FREE_TRIES):
        assert client.get("/lockstep/state", auth=("ann", "open barley")).status_code == 302
    assert client.get("/lockstep/state", auth=("ann", "open sesame")).status_code == 302


def test_a_cookie_of_another_process_opens_nothing(client: FlaskClient) -> None:
    log_in(client)
    cookie = client.get_cookie("lockstep")
    assert cookie is not None
    app = guarded(web(login=True)).app
    assert app is not None
    other = app.test_client()
    other.set_cookie("lockstep", cookie.value)
    assert other.get("/").status_code == 302


def test_without_locusts_own_guard_of_its_views_there_is_no_login_and_that_is_refused() -> None:
    with pytest.raises(HarnessError, match="--web-login"):
        guarded(web(login=False))
