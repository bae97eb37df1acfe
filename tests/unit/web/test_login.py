"""Who may log in: what the two variables say, and how wrong passwords are slowed."""

from __future__ import annotations

import pytest
from werkzeug.security import generate_password_hash

from lockstep.errors import HarnessError
from lockstep.settings import PAGE_PASSWORD, PAGE_USER
from lockstep.web.login import FREE_TRIES, LONGEST_WAIT_S, MOST_ADDRESSES, Credentials, Patience

# Fast ones, for they are checked many times.
HASHES = [
    generate_password_hash("open sesame", method)
    for method in ("scrypt:1024:8:1", "pbkdf2:sha256:1", "pbkdf2:sha512:2")
]


def credentials(user: str, password: str) -> Credentials | None:
    return Credentials.of({PAGE_USER: user, PAGE_PASSWORD: password})


@pytest.mark.parametrize("password", ["open sesame", *HASHES], ids=["plain", "scrypt", "sha256", "sha512"])
def test_the_password_is_given_as_it_is_or_as_a_hash_and_is_kept_as_a_hash_alone(password: str) -> None:
    login = credentials("ann", password)
    assert login is not None
    assert "open sesame" not in repr(login)
    assert login.match("ann", "open sesame")
    for user, wrong in (
        ("ann", "open"),
        ("ann", ""),
        ("", ""),
        ("bob", "open sesame"),
        ("ann", password[:-1]),
    ):
        assert not login.match(user, wrong), (user, wrong)


def test_a_hash_is_not_taken_for_the_password_that_it_is_of() -> None:
    login = credentials("ann", HASHES[0])
    assert login is not None
    assert not login.match("ann", HASHES[0])


def test_users_and_passwords_may_have_any_letters() -> None:
    login = credentials("änn", "过来")
    assert login is not None
    assert login.match("änn", "过来")
    assert not login.match("ann", "过来")


@pytest.mark.parametrize("environment", [{}, {PAGE_USER: "", PAGE_PASSWORD: ""}])
def test_without_the_variables_there_is_no_login(environment: dict[str, str]) -> None:
    assert Credentials.of(environment) is None


@pytest.mark.parametrize(
    ("user", "password", "words"),
    [
        ("ann", "", f"{PAGE_USER} is set and {PAGE_PASSWORD} is not"),
        ("", "sesame", f"{PAGE_PASSWORD} is set and {PAGE_USER} is not"),
        ("ann", "scrypt:1:1:1$salt$abc", "is no hash that werkzeug can read"),
        ("ann", "pbkdf2:none:1$salt$abc", "is no hash that werkzeug can read"),
        # What a shell leaves of one in double quotes.
        ("ann", "scrypt:32768:8:1", "write it in single quotes"),
    ],
)
def test_half_a_login_and_a_hash_that_is_none_are_refused_in_one_line(
    user: str, password: str, words: str
) -> None:
    with pytest.raises(HarnessError) as refusal:
        credentials(user, password)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


class Clock:
    """Stands still until it is told."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_each_wrong_password_after_a_few_doubles_the_wait_up_to_a_bound() -> None:
    clock = Clock()
    patience = Patience(clock)
    waits = []
    for _ in range(FREE_TRIES + 8):
        clock.now_s += patience.wait_s("here")
        patience.note_try("here")
        waits.append(patience.wait_s("here"))
    assert waits[: FREE_TRIES - 1] == [0.0] * (FREE_TRIES - 1)
    assert waits[FREE_TRIES - 1 :] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert waits[-1] == LONGEST_WAIT_S
    assert patience.wait_s("elsewhere") == 0


def test_who_knows_the_password_is_forgiven() -> None:
    patience = Patience(Clock())
    for _ in range(9):
        patience.note_try("here")
    patience.forget("here")
    assert patience.wait_s("here") == 0
    patience.forget("elsewhere")


def test_of_too_many_addresses_the_longest_quiet_is_forgotten() -> None:
    patience = Patience(Clock())
    for _ in range(9):
        patience.note_try("first")
        patience.note_try("busy")
    for number in range(MOST_ADDRESSES):
        patience.note_try(str(number))
        patience.note_try("busy")
    assert patience.wait_s("first") == 0
    assert patience.wait_s("busy") == LONGEST_WAIT_S
