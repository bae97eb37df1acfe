"""A dialogue on a real connection, against a peer that knows what has to be said."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockstep.dialogue.data import Deal, RowsUsedUpError
from lockstep.dialogue.player import Play, Player
from lockstep.dialogue.reading import parse_dialogue
from lockstep.dialogue.script import Dialogue, Table
from lockstep.errors import HarnessError
from lockstep.tcp.client import TcpClient
from lockstep.tcp.endpoint import Endpoint
from lockstep.tcp.samples import ABSENT, MessageRow, Outcome, Phase, Reply, Sample, SampleMeter
from lockstep_wire.framing import framing_of
from tests.support.peers import LOOPBACK, Peer, refusing_port, until_closed


class Stage:
    """Where nobody hurries. left: how many messages may still be sent."""

    def __init__(self, left: int = 1_000_000) -> None:
        self.left = left
        self.paused: list[float] = []

    def may_send(self) -> bool:
        self.left -= 1
        return self.left >= 0

    def pause(self, seconds: float) -> None:
        self.paused.append(seconds)


@dataclass
class Played:
    """What came of it."""

    player: Player
    stage: Stage
    samples: list[Sample] = field(default_factory=list)

    @property
    def messages(self) -> list[Outcome]:
        return [sample.outcome for sample in self.samples if sample.phase in (Phase.MESSAGE, Phase.SEND)]


def played(
    text: str, port: int, folder: Path = Path(), *, number: int = 1, stage: Stage | None = None
) -> Played:
    dialogue = parse_dialogue(text, folder / "talk.toml")
    samples: list[Sample] = []
    meter, stage = SampleMeter(samples.append), stage or Stage()
    client = TcpClient(
        Endpoint(LOOPBACK, port), meter, framing=dialogue.framing, timeout_s=dialogue.timeout_s
    )
    play = Play(dialogue, Deal(dialogue.tables, 0, 1, 1))
    player = Player(play, client, meter, stage, number=number, open_load=False)
    return Played(player, stage, samples)


def lines(link: socket.socket) -> Iterator[bytes]:
    """What comes, without newlines, until the client has left."""
    for line in link.makefile("rb"):
        yield line.rstrip(b"\n")


def answering(*exchanges: tuple[bytes, bytes | None]) -> Callable[..., None]:
    """Takes these lines in turn, and answers each; then nothing more may come."""

    def script(link: socket.socket) -> None:
        come = lines(link)
        for said, reply in exchanges:
            line = next(come)
            assert line == said
            if reply is not None:
                link.sendall(reply + b"\n")
        assert list(come) == []

    return script


LOGIN = """\
[target]
framing = "line"
[data]
users = "users.csv"
[[step]]
name = "login"
send = "LOGIN {users.user} {users.password}"
expect = { regex = '^OK (?<token>\\w+)$' }
[[step]]
name = "do"
send = "DO {token}"
expect = { prefix = "DONE" }
repeat = 2
pause = "5ms"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "users.csv").write_text("user,password\nann,x\nbob,y\n", encoding="utf-8")
    return tmp_path


def test_what_was_captured_is_said_and_data_comes_in_turn(folder: Path) -> None:
    ann = [(b"LOGIN ann x", b"OK t1"), (b"DO t1", b"DONE"), (b"DO t1", b"DONE 2")]
    bob = [(b"LOGIN bob y", b"OK t2"), (b"DO t2", b"DONE"), (b"DO t2", b"DONE 2")]
    with Peer(answering(*ann, *bob, *ann)) as peer:
        talk = played(LOGIN, peer.port, folder)
        assert [talk.player.iterate(ABSENT) for _ in range(3)] == [True, True, True]
        talk.player.leave()
    assert talk.messages == [Outcome.ANSWERED] * 9
    assert talk.stage.paused == [0.005] * 6


def test_a_wrong_reply_ends_the_iteration_and_the_next_begins_anew(folder: Path) -> None:
    first = answering((b"LOGIN ann x", b"OK t1"), (b"DO t1", b"NO"))
    second = answering((b"LOGIN bob y", b"OK t2"), (b"DO t2", b"DONE"), (b"DO t2", b"DONE"))
    with Peer(first, second) as peer:
        talk = played(LOGIN, peer.port, folder)
        assert [talk.player.iterate(ABSENT) for _ in range(2)] == [False, True]
        talk.player.leave()
    assert talk.messages.count(Outcome.MISMATCH) == 1


def test_a_refused_connection_is_the_failure_of_the_message_that_it_was_for(folder: Path) -> None:
    with refusing_port() as port:
        talk = played(LOGIN, port, folder)
        assert not talk.player.iterate(ABSENT)
    assert talk.messages == [Outcome.REFUSED]


ON_CONNECT = """\
[target]
framing = "line"
reconnect = {reconnect}
[[on_connect]]
send = "HELLO {{user}}"
expect = {{ regex = '^SALT (?<salt>.+)$' }}
[[step]]
send = "GO {{salt}} {{seq}}"
expect = "OK"
"""


@pytest.mark.parametrize(
    ("reconnect", "iterations"), [('"never"', [1, 2, 3, 4]), ('"every iteration"', [1]), ("2", [1, 2])]
)
def test_what_is_said_on_connect_is_said_on_each_connection_and_no_more(
    reconnect: str, iterations: Sequence[int]
) -> None:
    scripts = []
    for first in range(1, 5, len(iterations)):
        salt = b"s%d" % first
        said = [(b"GO %s %d" % (salt, first + each), b"OK") for each in range(len(iterations))]
        scripts.append(answering((b"HELLO 7", b"SALT " + salt), *said))
    with Peer(*scripts) as peer:
        talk = played(ON_CONNECT.format(reconnect=reconnect), peer.port, number=7)
        assert [talk.player.iterate(ABSENT) for _ in range(4)] == [True] * 4
        talk.player.leave()


@pytest.mark.parametrize("open_load", [True, False])
def test_data_that_the_framing_cannot_carry_is_named_by_the_steps_line(open_load: bool, folder: Path) -> None:
    (folder / "users.csv").write_text('user,password\n"a\nb",x\n', encoding="utf-8")
    dialogue = parse_dialogue(LOGIN, folder / "talk.toml")
    with Peer(until_closed) as peer:  # type: ignore[arg-type]
        client = TcpClient(Endpoint(LOOPBACK, peer.port), Dues(), framing=dialogue.framing)
        play = Play(dialogue, Deal(dialogue.tables, 0, 1, 1))
        player = Player(play, client, Dues(), Stage(), number=1, open_load=open_load)
        with pytest.raises(HarnessError, match=r"talk\.toml:5: a line payload cannot hold a newline"):
            player.iterate(1)
        player.leave()


def test_what_is_opened_first_is_ready_to_iterate() -> None:
    with Peer(answering((b"HELLO 7", b"SALT x"), (b"GO x 1", b"OK"))) as peer:
        talk = played(ON_CONNECT.format(reconnect='"never"'), peer.port, number=7)
        assert talk.player.open() is Outcome.ANSWERED
        assert talk.player.iterate(ABSENT)
        talk.player.leave()


def test_nothing_more_is_said_once_the_cell_is_over(folder: Path) -> None:
    with Peer(answering((b"LOGIN ann x", b"OK t1"), (b"DO t1", b"DONE"))) as peer:
        talk = played(LOGIN, peer.port, folder, stage=Stage(left=2))
        assert talk.player.iterate(ABSENT)
        talk.player.leave()
    assert talk.messages == [Outcome.ANSWERED] * 2


def test_a_step_of_its_own_time_out_gives_up_at_that(folder: Path) -> None:
    text = '[target]\nframing = "line"\n[[step]]\nsend = "x"\ntimeout = "50ms"\n'
    with Peer(until_closed) as peer:  # type: ignore[arg-type]
        talk = played(text, peer.port)
        assert not talk.player.iterate(ABSENT)
        assert talk.player.client.timeout_s == 10.0
    (message,) = [sample for sample in talk.samples if sample.phase is Phase.MESSAGE]
    assert message.outcome is Outcome.TIMEOUT
    assert message.elapsed_ns < 5_000_000_000


def test_a_banner_and_a_push_are_taken_unasked() -> None:
    text = '[target]\nframing = "line"\n[[on_connect]]\nreceive = true\nexpect = { prefix = "220" }\n'
    text += '[[step]]\nsend = "SUB"\nexpect = "OK"\n'
    text += "[[step]]\nreceive = true\nexpect = { regex = '^NEWS (?<number>.+)$' }\nrepeat = 2\n"
    text += '[[step]]\nsend = "ACK {number}"\nreply = false\n'

    def script(link: socket.socket) -> None:
        link.sendall(b"220 hello\n")
        come = lines(link)
        assert next(come) == b"SUB"
        for piece in (b"OK\n", b"NEWS 1\n", b"NEWS 2\n"):
            link.sendall(piece)
        assert list(come) == [b"ACK 2"]

    with Peer(script) as peer:
        talk = played(text, peer.port)
        assert talk.player.iterate(ABSENT)
        talk.player.leave()


class Dues(SampleMeter):
    """When messages were due."""

    def __init__(self) -> None:
        super().__init__(lambda _: None)
        self.due_ns: list[int] = []

    def message(self, row: MessageRow, reply: Reply | None = None) -> None:
        self.due_ns.append(row[0])


@pytest.mark.parametrize("open_load", [True, False])
def test_in_an_open_load_the_first_message_is_answerable_from_when_it_was_due(
    open_load: bool, folder: Path
) -> None:
    dialogue = parse_dialogue(LOGIN, folder / "talk.toml")
    meter = Dues()
    with Peer(answering((b"LOGIN ann x", b"OK t1"), (b"DO t1", b"DONE"), (b"DO t1", b"DONE"))) as peer:
        client = TcpClient(Endpoint(LOOPBACK, peer.port), meter, framing=dialogue.framing)
        play = Play(dialogue, Deal(dialogue.tables, 0, 1, 1))
        player = Player(play, client, meter, Stage(), number=1, open_load=open_load)
        assert player.iterate(1_234)
        player.leave()
    assert meter.due_ns == [1_234 if open_load else ABSENT, ABSENT, ABSENT]


def test_a_raw_reply_ends_where_the_step_says(folder: Path) -> None:
    text = "[[step]]\nsend = 'x'\nuntil = { hex = '0d0a' }\ncapture = { all = '(?s).*' }\n"
    text += "[[step]]\nsend = '{all}'\nexpect = { size = 2 }\n"

    def script(link: socket.socket) -> None:
        assert link.recv(1) == b"x"
        link.sendall(b"ab")
        link.sendall(b"c\r\n")
        assert link.recv(5, socket.MSG_WAITALL) == b"abc\r\n"
        link.sendall(b"ok")
        until_closed(link)

    with Peer(script) as peer:
        talk = played(text, peer.port)
        assert talk.player.iterate(ABSENT)
        talk.player.leave()


def test_ways_are_gone_as_often_as_their_weights_say() -> None:
    text = '[target]\nframing = "line"\n'
    for name, weight in (("a", 3), ("b", 1)):
        text += f'[[dialogue]]\nweight = {weight}\n[[dialogue.step]]\nsend = "{name}"\nexpect = "{name}"\n'
    heard: list[bytes] = []

    def script(link: socket.socket) -> None:
        for line in lines(link):
            heard.append(line)
            link.sendall(line + b"\n")

    with Peer(script) as peer:
        talk = played(text, peer.port)
        assert all(talk.player.iterate(ABSENT) for _ in range(400))
        talk.player.leave()
    assert 260 <= heard.count(b"a") <= 340


def table(order: str) -> Table:
    rows = tuple({"t.n": b"%d" % number} for number in range(5))
    return Table("t", "t.csv", order, rows)


def dealt(deal: Deal, count: int) -> list[int]:
    return [int(deal.next()["t.n"]) for _ in range(count)]


def test_two_processes_take_different_rows_in_turn() -> None:
    first, second = (Deal([table("cycle")], share, 2, 1) for share in range(2))
    assert (dealt(first, 5), dealt(second, 5)) == ([0, 2, 4, 1, 3], [1, 3, 0, 2, 4])


def test_rows_that_are_taken_once_are_used_up_over_all_processes() -> None:
    first, second = (Deal([table("once")], share, 2, 1) for share in range(2))
    assert sorted(dealt(first, 3) + dealt(second, 2)) == [0, 1, 2, 3, 4]
    for deal in (first, second):
        with pytest.raises(RowsUsedUpError, match=r't\.csv: all 5 rows are used .*or order = "cycle"'):
            deal.next()


def test_rows_at_random_are_drawn_alike_by_the_same_seed_alone() -> None:
    again, other = Deal([table("random")], 0, 1, 1), Deal([table("random")], 0, 1, 2)
    drawn = dealt(Deal([table("random")], 0, 1, 1), 50)
    assert dealt(again, 50) == drawn != dealt(other, 50)
    assert set(drawn) == set(range(5))


# Random dialogues, and a server that follows the same script.

TEXTS = st.text(alphabet="abcXYZ 0189+-\"'éß", min_size=1, max_size=12)


@dataclass(frozen=True)
class Turn:
    """One step, as the server knows it. says: made of the variables' values. replies: None for no reply.

    The first value of `replies` is what the reply has to be in the file's words, the second makes it of a
    token, the third is the variable that it gives.
    """

    toml: str
    says: str
    reply: str | None
    variable: str | None
    repeat: int


@st.composite
def turns(draw: st.DrawFn) -> list[Turn]:
    made: list[Turn] = []
    known = ["users.user", "seq", "user"]
    for number in range(draw(st.integers(1, 5))):
        # What was captured last is said now, so that it shows.
        names = [*draw(st.lists(st.sampled_from(known), max_size=2)), known[-1]]
        says = draw(TEXTS) + "".join(f" {{{name}}}" for name in names)
        repeat = draw(st.integers(1, 3))
        constant = draw(TEXTS)
        kind = draw(st.sampled_from(("exact", "prefix", "regex", "cut", "size", "any", "none")))
        token = "{token}"
        variable: str | None = None
        reply: str | None = None
        quoted = toml_text(constant)
        match kind:
            case "exact":
                expect, reply = f"expect = {quoted}", constant
            case "prefix":
                expect, reply = f"expect = {{ prefix = {quoted} }}", constant + token
            case "regex":
                variable = f"v{number}"
                expect, reply = f"expect = {{ regex = ' = (?<{variable}>\\w+)$' }}", f"{constant} = {token}"
            case "cut":
                variable = f"v{number}"
                size = len(constant.encode())
                expect, reply = f"capture = {{ {variable} = {{ offset = {size} }} }}", constant + token
            case "size":
                expect, reply = f"expect = {{ size = {len(constant.encode())} }}", constant
            case "any":
                expect, reply = "", constant
            case "none":
                expect = "reply = false"
        toml = f'[[step]]\nname = "step {number}"\nsend = {toml_text(says)}\nrepeat = {repeat}\n{expect}\n'
        made.append(Turn(toml, says, reply, variable, repeat))
        if variable:
            known.append(variable)
    return made


def toml_text(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def follows(script: Sequence[Turn], framing: str, iterations: int) -> Callable[[socket.socket], None]:
    """A server that knows the script: it takes what has to come, bit by bit, and answers as it has to."""

    def serve(link: socket.socket) -> None:
        decoder, wire = framing_of(framing).decoder(1 << 16), framing_of(framing)
        come: list[bytes] = []
        tokens = 0
        for iteration in range(iterations):
            values = {"users.user": ("ann", "bob")[iteration % 2], "seq": str(iteration + 1), "user": "3"}
            for turn in script:
                for _ in range(turn.repeat):
                    while not come:
                        data = link.recv(7)
                        assert data, "the client has left"
                        come += decoder.feed(data)
                    wanted = turn.says
                    for name, value in values.items():
                        wanted = wanted.replace(f"{{{name}}}", value)
                    assert come.pop(0).decode() == wanted
                    if turn.reply is None:
                        continue
                    tokens += 1
                    token = f"T{tokens}"
                    link.sendall(wire.encode(turn.reply.replace("{token}", token).encode()))
                    if turn.variable:
                        values[turn.variable] = token
        assert until_closed(link) == b""

    return serve


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=turns(), framing=st.sampled_from(["line", "length", "crlf", "length:<H", "varint"]))
def test_every_expectation_is_met_where_the_server_follows_the_same_script(
    script: list[Turn], framing: str, folder: Path
) -> None:
    text = f"[target]\nframing = '{framing}'\n[data]\nusers = 'users.csv'\n" + "".join(
        turn.toml for turn in script
    )
    iterations = 3
    with Peer(follows(script, framing, iterations)) as peer:
        talk = played(text, peer.port, folder, number=3)
        assert [talk.player.iterate(ABSENT) for _ in range(iterations)] == [True] * iterations
        talk.player.leave()
    messages = sum(turn.repeat for turn in script) * iterations
    assert talk.messages == [Outcome.ANSWERED] * messages


def play_of(text: str) -> Play:
    dialogue: Dialogue = parse_dialogue(text, Path("talk.toml"))
    return Play(dialogue, Deal(dialogue.tables, 0, 1, 1))


@pytest.mark.parametrize(
    ("replies", "on_connect", "distinct"),
    [
        ("a", False, [False]),
        ("ab", False, [True, True]),
        ("aba", False, [False, True, True]),
        ("ab", True, [False, True]),
    ],
)
def test_a_reply_too_many_is_looked_for_where_it_could_pass_for_the_next_one(
    replies: str, on_connect: bool, distinct: list[bool]
) -> None:
    steps = "".join(f'[[step]]\nsend = "x"\nexpect = "{reply}"\n' for reply in replies)
    scene = play_of(('[[on_connect]]\nsend = "x"\n' if on_connect else "") + steps).single
    assert scene is not None
    assert [act.message is not None and act.message.distinct for act in scene.acts] == distinct


def test_a_dialogue_of_one_constant_step_takes_the_short_way() -> None:
    short = play_of('[target]\nframing = "line"\n[[step]]\nname = "ping"\nsend = "x"\nexpect = "y"\n').single
    assert short is not None
    assert short.only is not None
    assert short.only.reply == b"y\n"
    for more in ('[[step]]\nsend = "z"\n', 'pause = "1ms"\n', "repeat = 2\n", "capture = { a = 'b' }\n"):
        longer = play_of(f'[[step]]\nsend = "x"\nexpect = "y"\n{more}').single
        assert longer is not None
        assert longer.only is None
