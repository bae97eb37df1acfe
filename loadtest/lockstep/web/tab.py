"""A tab for the live page in Locust's own page, and words for what that page would keep to itself.

Locust's tabs of others hold tables only: so the tab is Locust's, and what it shows is put there by a script
of ours (static/tab.js), which Locust's page is made to load. Another one (static/guard.js) listens to its
requests.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, request

KEY = "lockstep"
TITLE = "Lockstep"
# Before Locust's own script, which is deferred.
_SCRIPTS = (
    b'<script src="lockstep/static/guard.js"></script><script src="lockstep/static/tab.js"></script></body>'
)
LOCUSTS_PAGE = "locust.index"


def add_tab(app: Flask, template_args: dict[str, Any]) -> None:
    """template_args: what Locust's page is made of."""
    tabs = template_args.setdefault("extended_tabs", [])
    tabs.append({"key": KEY, "title": TITLE})

    @app.after_request
    def load_scripts(answer: Response) -> Response:
        if request.endpoint == LOCUSTS_PAGE and answer.status_code == 200:
            answer.set_data(answer.get_data().replace(b"</body>", _SCRIPTS))
        return answer
