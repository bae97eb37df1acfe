"""The tab in Locust's page: one more tab, and two scripts in the page itself, nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient

from lockstep.web.live_page import KEY, STATIC, TITLE, add_tab

SCRIPTS = ("guard.js", "tab.js")


@pytest.fixture
def page() -> Iterator[FlaskClient]:
    """Locust's page, as far as it matters here."""
    app = Flask(__name__)
    locust = Blueprint("locust", __name__)
    locust.add_url_rule("/", "index", lambda: "<html><body><div id='root'></div></body></html>")
    locust.add_url_rule("/other", "other", lambda: "<html><body></body></html>")
    app.register_blueprint(locust)
    add_tab(app, {})
    with app.test_client() as client:
        yield client


@pytest.mark.parametrize("name", SCRIPTS)
def test_locusts_page_loads_our_scripts(page: FlaskClient, name: str) -> None:
    assert f'src="lockstep/static/{name}"' in page.get("/").text
    assert (STATIC / name).is_file()


def test_nothing_else_is_touched(page: FlaskClient) -> None:
    assert "<script" not in page.get("/other").text


def test_the_tab_comes_after_those_that_others_added() -> None:
    template_args: dict[str, Any] = {"extended_tabs": [{"key": "theirs", "title": "Theirs"}]}
    add_tab(Flask(__name__), template_args)
    assert [tab["key"] for tab in template_args["extended_tabs"]] == ["theirs", KEY]
    # By this word the script finds its tab.
    assert f'TITLE = "{TITLE}"' in (STATIC / "tab.js").read_text()
