"""The page's start form: each choice of its type, and nothing that a page of another site sends."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_cors import CORS

from lockstep.errors import PlanError, ServerUnreachableError
from lockstep.plan import Plan
from lockstep.web.form import FAILURE_HEADER, KIND_HEADER, chosen, guard_form, guard_requests, show_choices
from lockstep.web.live_page import STATIC
from lockstep.web.published import Published

OPTIONS = Namespace(
    run="manual run",
    mode="free",
    client_mode="free",
    scenario="session",
    arrival="closed",
    rate=0.0,
    messages=5,
    payload=64,
    modes="free,lock",
    levels="1,8",
    repeats=3,
    seconds=1.5,
    warmup=0.3,
    seed=1,
    out="results",
)


def test_choices_take_the_types_of_their_options_and_the_rest_stays() -> None:
    form = {"messages": "7", "seconds": "2", "mode": "lock", "user_count": "3", "host": "tcp://server"}
    options = chosen(OPTIONS, form)
    assert (options.messages, options.seconds, options.mode) == (7, 2.0, "lock")
    assert isinstance(options.seconds, float)
    assert options.out == "results"
    assert OPTIONS.messages == 5


def test_an_open_load_is_chosen_on_the_page() -> None:
    options = chosen(OPTIONS, {"arrival": "poisson", "rate": "12.5"})
    assert (options.arrival, options.rate) == ("poisson", 12.5)


@pytest.mark.parametrize("field", ["out", "admin", "framing", "source", "tags", "nonsense"])
def test_a_field_that_is_not_of_the_form_is_refused_by_name(field: str) -> None:
    with pytest.raises(PlanError, match="is not a field of this form") as refusal:
        chosen(OPTIONS, {"run": "manual run", field: "x"})
    assert refusal.value.what == field


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("messages", "many", "'many' is not a whole number"),
        ("messages", "1.5", "'1.5' is not a whole number"),
        ("repeats", "", "'' is not a whole number"),
        ("seconds", "long", "'long' is not a number"),
        ("rate", "often", "'often' is not a number"),
    ],
)
def test_a_bad_number_is_refused_with_field_and_value(field: str, value: str, words: str) -> None:
    with pytest.raises(PlanError, match=words) as refusal:
        chosen(OPTIONS, {field: value})
    assert refusal.value.what == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("user_count", value) for value in ("-5", "0", "many", "1.5", "", "²")),
        ("num_users", "x"),
        *(("spawn_rate", value) for value in ("nan", "inf", "1e400", "-1", "0", "fast", "")),
        *(("run_time", value) for value in ("soon", "-5", "9" * 20, "5x", "nan")),
        *(("profile", value) for value in ("x" * 201, "two\nlines")),
    ],
)
def test_locusts_own_fields_are_refused_before_locust_keeps_them(
    page: FlaskClient, driver: Driver, field: str, value: str
) -> None:
    answer: Any = page.post("/swarm", data={"user_count": "1", "spawn_rate": "1", field: value}).json
    assert answer["success"] is False
    assert answer["message"].startswith(field.replace("_", " ").capitalize())
    assert driver.asked == []


@pytest.mark.parametrize("run_time", ["", "20", "20s", "3m", "2h", "1h20m", "3h30m10s"])
def test_a_run_time_as_locust_knows_them_goes_on(page: FlaskClient, run_time: str) -> None:
    form = {"user_count": "10", "spawn_rate": "0.5", "run_time": run_time, "profile": "nightly"}
    assert page.post("/swarm", data=form).json == {"reached": True}


def test_the_classes_of_users_are_not_set_behind_the_form(page: FlaskClient) -> None:
    answer: Any = page.post("/user", json={"user_class_name": "ScenarioUser", "host": "http://x"}).json
    assert answer["success"] is False


class Driver:
    """Takes what it is asked for, or refuses."""

    def __init__(self) -> None:
        self.asked: list[tuple[Namespace, str | None, int]] = []
        self.refusal: Exception | None = None
        self.under_way: str | None = None
        self.failure: str | None = None

    def ask(self, options: Namespace, host: str | None, users: int) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.asked.append((options, host, users))


@pytest.fixture
def driver() -> Driver:
    return Driver()


@pytest.fixture
def page(driver: Driver) -> Iterator[FlaskClient]:
    """A page whose own handlers only say that they were reached."""
    app = Flask(__name__)
    CORS(app)  # as Locust does
    guard_requests(app, Published(frozenset({"load.example.com"})))
    guard_form(app, driver, OPTIONS)
    for path in ("/swarm", "/stop", "/user"):
        app.add_url_rule(path, path, lambda: {"reached": True}, methods=["GET", "POST"])
    app.add_url_rule("/breaks", "breaks", lambda: str(1 / 0))
    with app.test_client() as client:
        yield client


def test_a_start_request_that_makes_sense_is_asked_for_and_goes_on(page: FlaskClient, driver: Driver) -> None:
    form = {"run": "manual run", "mode": "lock", "user_count": "2", "host": "tcp://server:1"}
    assert page.post("/swarm", data=form).json == {"reached": True}
    ((options, host, users),) = driver.asked
    assert (options.mode, host, users) == ("lock", "tcp://server:1", 2)


@pytest.mark.parametrize(
    ("refusal", "message"),
    [
        (PlanError("client-mode", "'x' is unknown"), "Client mode: 'x' is unknown"),
        (ServerUnreachableError("no Lockstep server answers"), "no Lockstep server answers"),
    ],
)
def test_a_refusal_reaches_the_page_as_one_line_and_nothing_starts(
    page: FlaskClient, driver: Driver, refusal: Exception, message: str
) -> None:
    driver.refusal = refusal
    assert page.post("/swarm", data={"run": "manual run"}).json == {"success": False, "message": message}


def test_a_bad_field_is_refused_before_anybody_is_asked(page: FlaskClient, driver: Driver) -> None:
    answer: Any = page.post("/swarm", data={"run": "manual run", "messages": "many"}).json
    assert answer["success"] is False
    assert answer["message"].startswith("Messages: ")
    assert driver.asked == []


def test_a_request_with_a_number_of_users_alone_is_asked_for_too(page: FlaskClient, driver: Driver) -> None:
    assert page.post("/swarm", data={"user_count": "9", "spawn_rate": "1"}).json == {"reached": True}
    assert driver.asked == [(OPTIONS, None, 9)]


def test_an_empty_host_is_asked_for_as_none_because_a_target_or_a_file_may_say_where_to(
    page: FlaskClient, driver: Driver
) -> None:
    assert page.post("/swarm", data={"user_count": "1", "host": ""}).json == {"reached": True}
    assert driver.asked == [(OPTIONS, "", 1)]


def test_every_answer_says_what_kind_of_run_is_under_way_and_why_it_could_not_go_on(
    page: FlaskClient, driver: Driver
) -> None:
    answer = page.get("/stop")
    assert answer.headers[KIND_HEADER] == "none"
    assert FAILURE_HEADER not in answer.headers
    driver.under_way, driver.failure = "plan", "disk \u201cfull\u201d,\nsaid twice"
    answer = page.get("/stop")
    assert answer.headers[KIND_HEADER] == "plan"
    assert unquote(answer.headers[FAILURE_HEADER]) == driver.failure
    assert answer.headers[FAILURE_HEADER].isascii()


def test_after_a_reload_the_form_shows_what_was_chosen_last() -> None:
    options = Namespace(**vars(OPTIONS))

    class WebUI:
        """Makes its fields anew for each load of the page, as Locust's does."""

        template_args: dict[str, Any]

        def update_template_args(self) -> None:
            fields = {name: {"default_value": getattr(OPTIONS, name)} for name in ("mode", "levels")}
            self.template_args = {"extra_options": fields, "user_count": 1, "num_users": 3}

    web = WebUI()
    show_choices(web, options, ["free", "lock"])
    options.mode = "lock"
    web.update_template_args()
    shown = {name: field["default_value"] for name, field in web.template_args["extra_options"].items()}
    assert shown == {"mode": "lock", "levels": "1,8"}
    assert web.template_args["extra_options"]["mode"]["choices"] == ["free", "lock"]
    assert web.template_args["user_count"] == 3  # those asked for, though two are not there yet


def test_a_start_request_without_the_forms_fields_sets_no_other_option(
    page: FlaskClient, driver: Driver
) -> None:
    answer: Any = page.post("/swarm", data={"user_count": "1", "admin": "192.0.2.1:80"}).json
    assert answer["success"] is False
    assert answer["message"].startswith("Admin: is not a field of this form")
    assert driver.asked == []


@pytest.mark.parametrize("path", ["/swarm", "/stop"])
@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://localhost:1", "https://evil.example", "null"]
)
def test_a_request_from_another_sites_page_is_forbidden(page: FlaskClient, path: str, origin: str) -> None:
    assert page.post(path, data={"run": "manual run"}, headers={"Origin": origin}).status_code == 403


@pytest.mark.parametrize("headers", [{}, {"Origin": "http://localhost"}])
def test_our_own_page_and_a_client_that_is_no_browser_are_let_in(
    page: FlaskClient, headers: dict[str, str]
) -> None:
    assert page.post("/stop", headers=headers).json == {"reached": True}


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize("path", ["/swarm", "/stop", "/nowhere"])
def test_a_page_whose_name_was_made_to_mean_this_machine_is_forbidden_and_told_the_remedy(
    page: FlaskClient, method: str, path: str
) -> None:
    evil = {"Host": "evil.example:8089", "Origin": "http://evil.example:8089"}
    answer: Any = page.open(path, method=method, headers=evil)
    assert answer.status_code == 403
    assert "'evil.example:8089'" in answer.json["message"]
    assert "LOCKSTEP_PAGE_HOSTS" in answer.json["message"]


@pytest.mark.parametrize("headers", [{}, {"Origin": "http://localhost"}, {"Origin": "http://evil.example"}])
@pytest.mark.parametrize("path", ["/stop", "/nowhere", "/breaks"])
def test_no_answer_may_be_read_by_another_sites_page(
    page: FlaskClient, path: str, headers: dict[str, str]
) -> None:
    answer = page.get(path, headers=headers)
    assert [name for name, _ in answer.headers if name.startswith("Access-Control-")] == []


def test_the_pages_script_reads_the_headers_that_every_answer_has() -> None:
    script = (STATIC / "guard.js").read_text()
    assert f'"{KIND_HEADER}"' in script
    assert f'"{FAILURE_HEADER}"' in script


def test_every_field_of_the_form_has_an_option_behind_it() -> None:
    form = {name: str(getattr(OPTIONS, name)) for name in vars(OPTIONS) if name != "out"}
    assert vars(chosen(OPTIONS, form)) == vars(OPTIONS)
    assert Plan().repeats == OPTIONS.repeats
