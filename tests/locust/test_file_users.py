"""A user's own file in a cell: its classes of TcpUser, one task an iteration."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from locust.env import Environment

from lockstep.control import Go
from lockstep.errors import HarnessError
from lockstep.python_files import in_turn, users_of
from lockstep.scenario import OF_A_FILE
from lockstep.traffic import UserFile
from lockstep.user_files import digest_of, find_user_file
from lockstep.users import feed_of
from lockstep.worker.agent import Agent
from tests.support.crew import Echo, Runner, crew, order, until

HEAD = """\
import gevent
from locust import SequentialTaskSet, constant, events, task
from locust.exception import StopUser
from lockstep import TcpUser

done = []

class Base(TcpUser):
    abstract = True

"""


def written(folder: Path, text: str) -> UserFile:
    path = folder / "mine.py"
    path.write_text(HEAD + text, encoding="utf-8")
    return UserFile(str(path), digest_of([path]))


def carried(file: UserFile, peer: Echo, agent: Agent, **more: Any) -> None:
    agent.begin(order(peer.port, scenario=OF_A_FILE, user_file=file, **more))


def troubles(runner: Runner) -> dict[str, int]:
    return runner.reports[-1].standing.troubles


def test_an_iteration_is_a_task_and_what_it_says_is_in_the_cells_ledger(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """\
class Greeter(Base):
    host = "tcp://nobody.invalid:1"
    wait_time = constant(0.01)

    def on_start(self):
        self.client.request(b"start", b"start", name="start")

    @task
    def hello(self):
        self.client.request(b"hello", b"hello")

    def on_stop(self):
        self.client.request(b"stop", b"stop", name="stop")
        super().on_stop()
""",
    )
    peer = Echo()
    with crew(peer, users=2) as (agent, runner):
        runner.environment = Environment()  # type: ignore[attr-defined]
        carried(file, peer, agent)
        until(lambda: peer.heard > 10)
        agent.end()
        assert runner.outcomes() == {"answered": peer.heard}
        assert peer.accepted == 2
        assert peer.open == 0
        names = {name: each for report in runner.reports for name, each in report.counts.requests.items()}
        # What is said after the window is in the ledger alone.
        assert set(names) == {"start"}
        assert troubles(runner) == {}


def test_an_exception_in_a_task_is_told_with_its_line_and_counted(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """\
class Raiser(Base):
    wait_time = constant(0.001)

    @task
    def bad(self):
        self.client.request(b"a", b"a")
        raise ValueError("no\\nsuch thing")
""",
    )
    peer = Echo()
    with crew(peer, users=1) as (agent, runner):
        runner.environment = Environment()  # type: ignore[attr-defined]
        carried(file, peer, agent)
        until(lambda: peer.heard == 5)
        agent.end()
        ((words, count),) = troubles(runner).items()
        assert words == f"{file.path}:17: Raiser raised ValueError: no such thing"
        assert count == peer.heard
        assert runner.outcomes() == {"answered": count}


@pytest.mark.parametrize(
    ("act", "words"),
    [
        ('self.client.request("text")', "Misuser (mine.py:14): the payload is str ('text')"),
        ('gevent.spawn(self.client.request, "text").join()', "Misuser"),
        ("from lockstep.errors import HarnessError; raise HarnessError('own')", "mine.py:14: own"),
    ],
)
def test_misuse_of_the_client_ends_the_run_with_the_users_own_line(
    act: str, words: str, tmp_path: Path
) -> None:
    file = written(tmp_path, f"class Misuser(Base):\n    @task\n    def wrong(self):\n        {act}\n")
    peer = Echo()
    with crew(peer, users=3) as (agent, runner):
        runner.environment = Environment()  # type: ignore[attr-defined]
        carried(file, peer, agent)
        until(lambda: bool(runner.faults))
        agent.end()
        (fault,) = runner.faults
        assert words in fault.reason
        assert runner.reports[-1].final


def test_a_task_that_sleeps_does_not_outlast_its_cell(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """\
class Sleeper(Base):
    @task
    def sleep(self):
        self.client.request(b"a", b"a")
        gevent.sleep(1000)

    def on_stop(self):
        super().on_stop()
        gevent.sleep(0.01)
        self.environment.stopped.append(self)
""",
    )
    peer = Echo()
    with crew(peer, users=2) as (agent, runner):
        runner.environment = environment = SimpleNamespace(stopped=[], events=Environment().events)  # type: ignore[attr-defined]
        carried(file, peer, agent)
        until(lambda: peer.heard == 2)
        agent.end(drain_s=0.05)
        assert len(environment.stopped) == 2
        assert runner.reports[-1].final
        carried(file, peer, agent)
        until(lambda: peer.heard == 4)
        agent.end(drain_s=0.05)
        assert troubles(runner) == {}


def test_tasks_within_tasks_are_gone_through_one_at_a_time(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """\
class Nested(Base):
    wait_time = constant(0)

    @task
    class Flow(SequentialTaskSet):
        def on_start(self):
            self.client.request(b"<")

        def on_stop(self):
            self.client.request(b">")

        @task
        def one(self):
            self.client.request(b"1")

        @task
        def two(self):
            self.client.request(b"2")

        @task
        def out(self):
            self.interrupt()
""",
    )
    said: list[bytes] = []

    class Hearing(Echo):
        def _serve(self, link: Any, _: object) -> None:
            while data := link.recv(100):
                said.append(data)
                self.heard += 1
                link.sendall(data)

    peer = Hearing()
    with crew(peer, users=1) as (agent, runner):
        runner.environment = Environment()  # type: ignore[attr-defined]
        carried(file, peer, agent)
        until(lambda: peer.heard > 12)
        agent.end()
    talk = b"".join(said)
    assert talk.startswith(b"<12><12><12>")
    # However far it had come, it was left.
    assert talk.endswith(b">")


def test_who_stops_itself_rests_until_the_cell_is_over(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "class Once(Base):\n    @task\n    def once(self):\n        self.client.request(b'a', b'a')\n"
        "        raise StopUser()\n",
    )
    peer = Echo()
    with crew(peer, users=2) as (agent, runner):
        runner.environment = Environment()  # type: ignore[attr-defined]
        carried(file, peer, agent)
        until(lambda: peer.heard == 2)
        gevent.sleep(0.05)
        assert peer.heard == 2
        agent.end()
        assert runner.outcomes() == {"answered": 2}


def test_a_users_own_listeners_hear_of_every_step(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """\
class Watcher(Base):
    wait_time = constant(0.01)

    def on_sample(self, sample):
        self.environment.seen.append(sample.phase.value)
        super().on_sample(sample)

    @task
    def go(self):
        self.client.request(b"1", b"1")
""",
    )
    environment = Environment()
    environment.create_local_runner()
    fired: list[str] = []
    environment.events.request.add_listener(lambda **what: fired.append(what["request_type"]))
    environment.seen = []  # type: ignore[attr-defined]
    peer = Echo()
    with crew(peer, users=1, feed=feed_of(environment)) as (agent, runner):
        runner.environment = environment  # type: ignore[attr-defined]
        carried(file, peer, agent)
        until(lambda: peer.heard == 3)
        agent.end()
    messages = runner.outcomes()["answered"]
    assert environment.seen.count("message") == fired.count("message") == messages  # type: ignore[attr-defined]
    assert environment.stats.get("free", "message").num_requests == messages


def test_classes_come_as_their_weights_say_and_fixed_counts_first(tmp_path: Path) -> None:
    body = "    @task\n    def t(self):\n        pass\n"
    file = written(
        tmp_path,
        f"class A(Base):\n    weight = 3\n{body}class B(Base):\n{body}"
        f"class C(Base):\n    fixed_count = 2\n{body}",
    )
    turns = in_turn(users_of(file))
    assert "".join(next(turns).__name__ for _ in range(10)) == "CCAABAAABA"


REFUSED = [
    ("def x(:\n", ":11: is not valid Python: "),
    (
        "import nothing_there\n",
        ":11: it cannot be loaded: ModuleNotFoundError: No module named 'nothing_there'",
    ),
    ("raise SystemExit(3)\n", ":11: it cannot be loaded: SystemExit: 3"),
    ("", ": no class in it extends TcpUser: write class MyUser(TcpUser), with a method marked @task"),
    ("class A(Base):\n    pass\n", ":11: A has no task: mark a method with @task, or set abstract = True"),
    (
        "class A(Base):\n    framing = 'lien'\n    @task\n    def t(self):\n        pass\n",
        ":11: A: framing = 'lien' does not work: unknown framing 'lien'; did you mean line?",
    ),
]


@pytest.mark.parametrize(("text", "words"), REFUSED)
def test_a_file_that_cannot_be_carried_is_one_line(text: str, words: str, tmp_path: Path) -> None:
    file = Path(written(tmp_path, text).path)
    with pytest.raises(HarnessError) as refused:
        find_user_file(file)
    line = str(refused.value)
    assert line.startswith(f"{file}{words}")
    assert "\n" not in line


def test_a_shape_is_told_to_do_nothing_here(tmp_path: Path) -> None:
    task = "class A(Base):\n    @task\n    def t(self):\n        pass\n"
    shape = (
        "from locust import LoadTestShape\nclass Stairs(LoadTestShape):\n    def tick(self):\n        pass\n"
    )
    (tmp_path / "plain").mkdir()
    _, facts = find_user_file(
        Path(written(tmp_path / "plain", f"from locust import LoadTestShape\n{task}").path)
    )
    assert facts.notes == ()
    path = Path(written(tmp_path, shape + task).path)
    _, facts = find_user_file(path)
    assert facts.notes == (
        f"{path}: its shape Stairs is for locust -f, and does nothing here: "
        "--stages says how users come and go",
    )


def test_tags_choose_tasks(tmp_path: Path) -> None:
    text = "from locust import tag\nclass A(Base):\n"
    text += "".join(f"    @tag('{name}')\n    @task\n    def {name}(self):\n        pass\n" for name in "xyz")
    path = Path(written(tmp_path, text).path)
    file, _ = find_user_file(path, ("x", "y"), ("y",))
    (users,) = users_of(file)
    assert [getattr(each, "__name__", "") for each in users.tasks] == ["x"]
    with pytest.raises(HarnessError, match="has no task with these tags"):
        find_user_file(path, ("nothing",))


def test_a_worker_whose_file_says_something_else_refuses(tmp_path: Path) -> None:
    file = written(tmp_path, "class A(Base):\n    @task\n    def t(self):\n        pass\n")
    Path(file.path).write_text("# changed\n")
    with crew() as (agent, _), pytest.raises(HarnessError, match="is not the file that the run began with"):
        agent.begin(order(1, scenario=OF_A_FILE, user_file=file))


MEETS = """\
class Meets(Base):
    @task
    def meet(self):
        if self.rendezvous({within}):
            self.client.request(b"together", b"together")
"""


def test_users_of_a_file_meet_in_a_task_until_the_master_lets_them_go_or_the_cell_is_over(
    tmp_path: Path,
) -> None:
    file, peer = written(tmp_path, MEETS.format(within="2.5")), Echo()
    with crew(peer, users=2) as (agent, runner):
        runner.environment = Environment()  # type: ignore[attr-defined]
        carried(file, peer, agent)
        until(lambda: len(runner.met) == 2)
        assert [(met.round, met.waiting, met.users, met.within_s) for met in runner.met] == [
            (0, 1, 2, 2.5),
            (0, 2, 2, 2.5),
        ]
        assert peer.heard == 0
        agent.go(Go("run", 0, 0, 0, "-"))
        until(lambda: len(runner.met) == 4)
        assert peer.heard == 2
        agent.end()
        assert runner.outcomes() == {"answered": 2}
        assert runner.reports[-1].standing.rendezvous == {"rounds": 1, "missed": 0}
        assert not runner.faults


@pytest.mark.parametrize(
    ("within", "traffic", "words"),
    [
        ("None", {}, "rendezvous(None) would wait for ever"),
        ("-1", {}, "within_s = -1: give a positive number"),
        ("2", {"rendezvous_s": 1.0}, "leave one out"),
    ],
)
def test_a_rendezvous_that_makes_no_sense_is_one_line(
    tmp_path: Path, within: str, traffic: dict[str, Any], words: str
) -> None:
    file, peer = written(tmp_path, MEETS.format(within=within)), Echo()
    with crew(peer, users=1) as (agent, runner):
        runner.environment = Environment()  # type: ignore[attr-defined]
        carried(file, peer, agent, **traffic)
        if traffic:
            until(lambda: bool(runner.met))
            agent.go(Go("run", 0, 0, 0, "-"))
        until(lambda: bool(runner.faults))
    reason = runner.faults[0].reason
    assert reason.startswith("Meets (mine.py:14): ")
    assert words in reason
