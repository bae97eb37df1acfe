"""A dialogue's file: what it means, and every line that says what is wrong with it."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockstep.dialogue.reading import parse_dialogue, read_dialogue
from lockstep.dialogue.refusals import DialogueError
from lockstep.dialogue.script import Cut, Dialogue, Exactly, Group, Matches, Place, Prefix, Size, Template

TALK = """\
[target]
url = "tcp://127.0.0.1:7027"
framing = { delimiter = "\\n" }
[data]
users = { csv = "users.csv", order = "cycle" }
[[step]]
name = "login"
send = "LOGIN {users.user} {users.password}"
expect = { regex = '^OK (?<token>\\w+)$' }
[[step]]
name = "do"
send = "DO {token}"
expect = { prefix = "DONE" }
repeat = 10
pause = "100ms"
"""
MINIMAL = '[[step]]\nsend = "PING"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "users.csv").write_text("user,password\nann,x\nbob,'y'\n", encoding="utf-8")
    (tmp_path / "bytes.bin").write_bytes(b"\x00\xff")
    return tmp_path


def parsed(text: str, folder: Path = Path()) -> Dialogue:
    return parse_dialogue(text, folder / "talk.toml")


def problems(text: str, folder: Path) -> list[str]:
    with pytest.raises(DialogueError) as refused:
        parsed(text, folder)
    return [problem.replace(f"{folder}/", "") for problem in refused.value.problems]


def test_the_example_says_who_is_asked_what(folder: Path) -> None:
    dialogue = parsed(TALK, folder)
    assert dialogue.url == "tcp://127.0.0.1:7027"
    assert dialogue.framing.encode(b"x") == b"x\n"
    assert dialogue.tables[0].rows == (
        {"users.user": b"ann", "users.password": b"x"},
        {"users.user": b"bob", "users.password": b"'y'"},
    )
    login, do = dialogue.scripts[0].steps
    assert login.send == Template((b"LOGIN ", Place("users.user"), b" ", Place("users.password")))
    assert isinstance(login.expect, Matches)
    assert [capture.variable for capture in login.captures] == ["token"]
    assert do.expect == Prefix(Template((b"DONE",)))
    assert (do.name, do.repeat, do.pause_s, do.line) == ("do", 10, 0.1, 10)
    assert dialogue.unchecked == ()


def test_what_is_not_said_is_usual() -> None:
    dialogue = parsed(MINIMAL)
    step = dialogue.scripts[0].steps[0]
    assert (dialogue.url, dialogue.framing.name, dialogue.timeout_s) == (None, "raw", 10.0)
    assert dialogue.reconnect_every is None
    assert (step.repeat, step.pause_s, step.reply, step.expect, step.timeout_s) == (1, 0.0, True, None, None)
    assert dialogue.unchecked == (step,)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ('"xml"', None),
        ('"length:<H"', "length:<H"),
        ('{ delimiter = "\\r\\n" }', "crlf"),
        ('{ delimiter = "\\u001c\\r", start = "\\u000b" }', "mllp"),
        ('{ length = ">H", counts = "frame", offset = 2 }', "length:>H,counts=frame,offset=2"),
        ("{ fixed = 32 }", "fixed:32"),
    ],
)
def test_a_framing_is_said_by_its_name_or_in_a_table(written: str, name: str | None) -> None:
    text = f"[target]\nframing = {written}\n[[step]]\nsend = '{'x' * 32}'\n"
    if name is None:
        assert "choose from raw, line" in problems(text, Path())[0]
    else:
        assert parsed(text).framing.name == name


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('"a{{b}}c"', b"a{b}c"),
        ('{ text = "a{b}c" }', b"a{b}c"),
        ('{ hex = "00 ff0A" }', b"\x00\xff\x0a"),
        ('{ file = "bytes.bin" }', b"\x00\xff"),
        ('{ template = "x" }', b"x"),
    ],
)
def test_what_is_sent_is_text_hex_file_or_template(written: str, meant: bytes, folder: Path) -> None:
    send = parsed(f"[[step]]\nsend = {written}\n", folder).scripts[0].steps[0].send
    assert send is not None
    assert send.constant == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('"+PONG"', Exactly(Template((b"+PONG",)))),
        ('{ hex = "00" }', Exactly(Template((b"\x00",)))),
        ('{ text = "{x}" }', Exactly(Template((b"{x}",)))),
        ('{ prefix = "+" }', Prefix(Template((b"+",)))),
        ("{ size = 7 }", Size(7)),
    ],
)
def test_what_is_expected_is_text_prefix_or_size(written: str, meant: object) -> None:
    assert parsed(f"{MINIMAL}expect = {written}\n").scripts[0].steps[0].expect == meant


@pytest.mark.parametrize("pattern", [r"(?<n>\d+)", r"(?P<n>\d+)"])
def test_groups_are_named_in_both_ways(pattern: str) -> None:
    step = parsed(f"{MINIMAL}expect = {{ regex = '{pattern}' }}\n").scripts[0].steps[0]
    assert isinstance(step.expect, Matches)
    found = step.expect.pattern.search(b"a 12")
    assert found is not None
    assert found["n"] == b"12"


def test_looking_behind_is_no_group() -> None:
    step = parsed(f"{MINIMAL}expect = {{ regex = '(?<=a)(?<!b)c' }}\n").scripts[0].steps[0]
    assert step.captures == ()


def test_parts_of_a_reply_are_kept_by_pattern_and_by_place() -> None:
    step = parsed(MINIMAL + r"capture = { a = 'n=(\d+)', b = { offset = 4, size = 8 }, c = { offset = 1 } }")
    first, second, third = (capture.how for capture in step.scripts[0].steps[0].captures)
    assert isinstance(first, Group)
    assert first.number == 1
    assert (second, third) == (Cut(4, 8), Cut(1, None))


@pytest.mark.parametrize(("written", "every"), [('"never"', None), ('"every iteration"', 1), ("25", 25)])
def test_a_new_connection_comes_never_always_or_after_so_many(written: str, every: int | None) -> None:
    assert parsed(f"[target]\nreconnect = {written}\n{MINIMAL}").reconnect_every == every


def test_several_ways_have_weights() -> None:
    text = '[[dialogue]]\nname = "a"\nweight = 3\n[[dialogue.step]]\nsend = "A"\n'
    text += "[[dialogue]]\n[[dialogue.step]]\nreceive = true\n"
    assert [(script.name, script.weight) for script in parsed(text).scripts] == [
        ("a", 3.0),
        ("dialogue 2", 1.0),
    ]


def test_what_is_captured_on_connect_can_be_said_in_every_way() -> None:
    text = "[[on_connect]]\nreceive = true\nexpect = { regex = '(?<salt>.+)' }\n"
    text += '[[dialogue]]\n[[dialogue.step]]\nsend = "{salt}"\n' * 2
    assert len(parsed(text).scripts) == 2


REFUSED = [
    (case["old"], case["new"], case["line"])
    for case in tomllib.loads(Path(__file__).with_name("refused.toml").read_text(encoding="utf-8"))["case"]
]


@pytest.mark.parametrize(("old", "new", "line"), REFUSED)
def test_what_is_wrong_is_one_line_with_its_remedy(old: str, new: str, line: str, folder: Path) -> None:
    assert old in TALK
    (problem,) = problems(TALK.replace(old, new), folder)
    assert problem.startswith(f"talk.toml:{line}")
    assert "\n" not in problem


def test_everything_that_is_wrong_is_told_in_the_files_order(folder: Path) -> None:
    text = TALK.replace("repeat = 10", "repaet = 10").replace("framing", "frmaing")
    assert [problem.split(":")[1] for problem in problems(text, folder)] == ["3", "14"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "talk.toml:1: the file takes either [[step]] or [[dialogue]], and has neither"),
        (
            f'{MINIMAL}[[dialogue]]\n[[dialogue.step]]\nsend = "x"\n',
            "talk.toml:1: the file takes either [[step]] or [[dialogue]], and has both",
        ),
        ("[[step]]\nsend = '{seq}'\n[data]\nseq = 'users.csv'\n", "talk.toml:4: 'seq' is the number of"),
    ],
)
def test_a_file_has_to_say_something(text: str, line: str, folder: Path) -> None:
    assert problems(text, folder)[0].startswith(line)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "users.csv: is empty: name the columns in its first line, and write rows below"),
        ("user,password\n", "users.csv: has no row: write one below the columns' names"),
        (
            "user,pass word\na,b\n",
            "users.csv:1: 'pass word' is no column's name: write letters, digits and _ only "
            "in the first line",
        ),
        ("user,user\na,b\n", "users.csv:1: there are two columns 'user': name one of them otherwise"),
        (
            "user,password\na,b\nc\n",
            "users.csv:3: has 1 values for 2 columns: give each row as many, and quote a value "
            "that has a comma in it",
        ),
        ('user,password\na,"b\n', "users.csv:2: is not valid CSV: unexpected end of data"),
    ],
)
def test_what_is_wrong_with_data_is_said_of_the_csv_file(text: str, line: str, folder: Path) -> None:
    (folder / "users.csv").write_text(text, encoding="utf-8")
    assert problems(TALK, folder) == [f"talk.toml:5: {line}"]


@pytest.mark.parametrize("name", ["none.toml", "."])
def test_a_file_that_cannot_be_read_is_one_line(name: str, folder: Path) -> None:
    with pytest.raises(DialogueError, match=r"cannot be read .*: check its name and mode"):
        read_dialogue(folder / name)


def test_a_file_in_another_encoding_is_one_line(folder: Path) -> None:
    (folder / "talk.toml").write_bytes(b"# \xff\n")
    with pytest.raises(DialogueError, match="UTF-8: save it so"):
        read_dialogue(folder / "talk.toml")


def test_several_problems_are_counted_where_there_is_room_for_one_line(folder: Path) -> None:
    text = TALK.replace("repeat = 10", "repaet = 10").replace("framing", "frmaing")
    with pytest.raises(DialogueError) as refused:
        parsed(text, folder)
    assert str(refused.value).endswith(f"(and 1 more: lockstep dialogue check {folder}/talk.toml)")
    assert json.dumps(str(refused.value)).count("\\n") == 0


# What people write by mistake: bits of the language in the wrong place.
BITS = ["[", "]", "{", "}", '"', "'", "=", "\n", ".", "\\", "(", "3", "-1", "true", "1979-05-27", "inf", "{}"]
BITS += ["[[step]]", "{ a = 1 }", "[1]", "{seq}", "{users}", "é", "\x00", "name", "step.", "[data.x]\n"]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_file_says_it_is_a_dialogue_or_lines_that_say_what_is_wrong(
    data: st.DataObject, folder: Path
) -> None:
    text = data.draw(st.sampled_from([TALK, MINIMAL]))
    for _ in range(data.draw(st.integers(1, 3))):
        begin = data.draw(st.integers(0, len(text)))
        end = begin + data.draw(st.sampled_from([0, 0, 1, 4, 10]))
        text = text[:begin] + data.draw(st.sampled_from(["", *BITS])) + text[end:]
    file = folder / "talk.toml"
    try:
        dialogue = parse_dialogue(text, file)
    except DialogueError as refused:
        lines = text.count("\n") + 1
        for problem in refused.problems:
            place, words = re.fullmatch(rf"{re.escape(str(file))}:(\d+): (.+)", problem, re.ASCII).groups()  # type: ignore[union-attr]
            assert 1 <= int(place) <= lines
            assert words
    else:
        assert dialogue.steps
