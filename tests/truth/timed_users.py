"""A locustfile for the timed server: a class of TcpUser for each of its ports, and a stopwatch of its own.

TIMED_PORTS: its ports as JSON. TIMED_USERS: how many of each. TIMED_STOPWATCH: the file that gets what the
stopwatch says, as JSON: class -> nanoseconds of every request.
"""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from locust import constant_pacing, events, task

from lockstep.users import TcpUser

STOPWATCH: dict[str, list[int]] = defaultdict(list)


class _Timed(TcpUser):
    abstract = True
    framing = os.environ["TIMED_FRAMING"]
    fixed_count = int(os.environ["TIMED_USERS"])
    wait_time = constant_pacing(0.5 if fixed_count >= 100 else 0.05)

    @task
    def ask(self) -> None:
        payload = b"%08x" % self.asked
        self.asked += 1
        start_ns = time.perf_counter_ns()
        reply = self.client.request(payload, payload)
        if reply:
            STOPWATCH[type(self).__name__].append(time.perf_counter_ns() - start_ns)

    def on_start(self) -> None:
        self.asked = 0
        self.client.connect()


for _name, _port in json.loads(os.environ["TIMED_PORTS"]).items():
    globals()[f"Ms{_name}"] = type(
        f"Ms{_name}", (_Timed,), {"host": f"tcp://127.0.0.1:{_port}", "__module__": __name__}
    )


def _save(**_: Any) -> None:
    Path(os.environ["TIMED_STOPWATCH"]).write_text(json.dumps(STOPWATCH))


events.quitting.add_listener(_save)
