"""The live page in Locust's real web interface, with its real login."""

from __future__ import annotations

from pathlib import Path

from flask.testing import FlaskClient
from flask_login import UserMixin, login_user
from locust.env import Environment
from locust.web import WebUI

from lockstep.master.conductor import Conductor
from lockstep.master.workers import Workers
from lockstep.target.target import Target
from lockstep.tcp.endpoint import Endpoint
from lockstep.web.form import guard_requests
from lockstep.web.live_page import STATIC, LivePage, add_live_page, add_tab
from lockstep.web.published import Published
from lockstep.web.server_watch import ServerWatch

OURS = ["", "/state", "/report.html", *(f"/static/{path.name}" for path in STATIC.iterdir())]
TAB = 'src="lockstep/static/tab.js"'


def web(*, login: bool, base_path: str = "") -> WebUI:
    """Locust's web interface with our page, as the locustfile puts it together; nothing listens."""
    environment = Environment(user_classes=[])
    runner = environment.create_local_runner()
    web = WebUI(
        environment, "127.0.0.1", 0, web_login=login, web_base_path=base_path or None, delayed_start=True
    )
    assert web.app is not None
    guard_requests(web.app, Published())
    conductor = Conductor(Workers(runner), Target(Endpoint("127.0.0.1", 1), None), Path("results"))
    page = LivePage(conductor, ServerWatch())
    add_live_page(web.app, page, web.auth_required_if_enabled, base_path)
    add_tab(web.app, web.template_args)
    return web


def stage_told_to(client: FlaskClient) -> str:
    state: dict[str, str] | None = client.get("/lockstep/state").json
    assert state is not None
    return state["stage"]


def test_without_a_login_the_page_is_open_and_locusts_page_has_its_tab() -> None:
    app = web(login=False).app
    assert app is not None
    with app.test_client() as client:
        assert stage_told_to(client) == "nothing runs"
        index = client.get("/").text
        assert TAB in index
        assert '"title": "Lockstep"' in index


def test_behind_a_login_nothing_is_told_until_somebody_has_logged_in() -> None:
    site = web(login=True)
    app = site.app
    assert app is not None
    app.secret_key = "of this test"
    site.login_manager.user_loader(lambda _: Somebody())
    app.add_url_rule("/enter", "enter", lambda: str(login_user(Somebody())))
    with app.test_client() as client:
        for path in OURS:
            answer = client.get(f"/lockstep{path}")
            assert answer.status_code == 302, path
            assert answer.headers["Location"].startswith("/login"), path
        assert TAB not in client.get("/login").text
        client.get("/enter")
        assert client.get("/lockstep").status_code == 200
        assert stage_told_to(client) == "nothing runs"
        assert TAB in client.get("/").text


class Somebody(UserMixin):  # type: ignore[misc]
    """Who has logged in."""

    id = "somebody"


def test_the_page_and_its_tab_follow_locusts_base_path() -> None:
    app = web(login=False, base_path="/load").app
    assert app is not None
    with app.test_client() as client:
        assert TAB in client.get("/load/").text
        assert client.get("/load/lockstep/static/tab.js").status_code == 200


def test_every_route_of_locusts_and_ours_is_closed_to_a_name_of_somebody_elses() -> None:
    app = web(login=False).app
    assert app is not None
    rules = list(app.url_map.iter_rules())
    assert {"/swarm", "/stats/requests", "/lockstep/state", "/lockstep"} <= {each.rule for each in rules}
    evil = {"Host": "evil.example:8089", "Origin": "http://evil.example:8089"}
    with app.test_client() as client:
        for rule in rules:
            for method in rule.methods or ():
                path = (
                    rule.rule.replace("<path:path>", "x")
                    .replace("<name>", "x")
                    .replace("<path:filename>", "x")
                )
                answer = client.open(path, method=method, headers=evil)
                assert answer.status_code == 403, (method, path)
                assert "Access-Control-Allow-Origin" not in answer.headers, (method, path)


def test_locusts_answers_are_for_no_other_sites_pages() -> None:
    app = web(login=False).app
    assert app is not None
    with app.test_client() as client:
        for path in ("/", "/stats/requests", "/lockstep/state", "/nowhere"):
            answer = client.get(path, headers={"Origin": "http://localhost"})
            assert "Access-Control-Allow-Origin" not in answer.headers, path
