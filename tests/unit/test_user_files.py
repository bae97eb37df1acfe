"""A user's own file of what users do, before a run."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from lockstep.documents import read_record
from lockstep.errors import HarnessError, PlanError
from lockstep.traffic import Arrival, Traffic, UserFile
from lockstep.user_files import Facts, check_same, find_user_file

TALK = """\
[target]
url = "tcp://127.0.0.1:7"
framing = "line"
[data]
users = "users.csv"
[[step]]
send = { file = "hello.bin" }
"""


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    (tmp_path / "users.csv").write_text("user\nann\n", encoding="utf-8")
    (tmp_path / "hello.bin").write_bytes(b"hello")
    (tmp_path / "talk.toml").write_text(TALK, encoding="utf-8")
    return tmp_path / "talk.toml"


def test_a_dialogue_says_whom_it_is_with(talk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(talk.parent)
    file, facts = find_user_file(Path("talk.toml"))
    assert (file.path, file.is_dialogue) == (str(talk), True)
    assert facts == Facts(("tcp://127.0.0.1:7",), "line", timing=True)
    assert facts.url == "tcp://127.0.0.1:7"


def test_several_hosts_are_refused_only_where_one_of_them_is_asked_for() -> None:
    facts = Facts(("tcp://a:1", "tcp://b:2"), "line", timing=False)
    with pytest.raises(HarnessError, match=r"several hosts \(tcp://a:1, tcp://b:2\): name one target"):
        _ = facts.url
    assert Facts((), "line", timing=False).url is None


@pytest.mark.parametrize(
    ("name", "text"), [("talk.toml", TALK + "# more"), ("users.csv", "user\nbob\n"), ("hello.bin", "jello")]
)
def test_it_is_known_by_all_that_it_says(talk: Path, name: str, text: str) -> None:
    file, _ = find_user_file(talk)
    check_same(file)
    talk.with_name(name).write_text(text, encoding="utf-8")
    with pytest.raises(HarnessError, match="is not the file that the run began with"):
        check_same(file)
    assert find_user_file(talk)[0].digest != file.digest


def test_a_dialogue_has_no_tags(talk: Path) -> None:
    for tags in ((("slow",), ()), ((), ("slow",))):
        with pytest.raises(PlanError, match="slow does nothing here: a dialogue has no tags"):
            find_user_file(talk, *tags)


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="is neither a Python file nor a dialogue"):
        find_user_file(tmp_path / "talk.yaml")


def test_traffic_takes_its_file_along_as_json() -> None:
    file = UserFile("/x/mine.py", "0123", ("a", "b"), ("c",))
    for user_file in (file, None):
        traffic = Traffic(arrival=Arrival("constant", 5.0), sources=("127.0.0.1",), user_file=user_file)
        assert read_record(json.loads(json.dumps(asdict(traffic))), Traffic) == traffic


def test_traffic_of_earlier_versions_has_no_file() -> None:
    document = asdict(Traffic())
    del document["user_file"]
    assert read_record(document, Traffic).user_file is None
