"""A target's addresses are tried one after another, within the time of one connect."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep.errors import HarnessError
from lockstep.tcp.addresses import Address
from lockstep.tcp.dialling import DialError, dial, from_source, most_telling, share

V6 = Address(socket.AF_INET6, ("::1", 80, 0, 0))
V4 = Address(socket.AF_INET, ("127.0.0.1", 80))
OTHER = Address(socket.AF_INET, ("192.0.2.1", 80))
REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
TIMEOUT = TimeoutError(errno.ETIMEDOUT, "timed out")


class Net:
    """Raises what it is given for an address, if anything; a timeout uses up the bound by the hand clock."""

    def __init__(self, **fails: OSError) -> None:
        self._fails = fails
        self.tried: list[tuple[str, float | None]] = []
        self.now_ns = 0

    def attempt(self, address: Address, bound_s: float | None) -> None:
        self.tried.append((address.text, bound_s))
        error = self._fails.get({V6: "v6", V4: "v4", OTHER: "other"}[address])
        if error is TIMEOUT and bound_s is not None:
            self.now_ns += round(bound_s * 1e9)
        if error is not None:
            raise error

    def dial(
        self, *addresses: Address, timeout_s: float | None = 9.0, stopped: Callable[[], bool] = lambda: False
    ) -> Address:
        return dial(addresses, timeout_s, self.attempt, stopped, lambda: self.now_ns)


def test_the_first_that_connects_is_taken_and_the_rest_is_left_alone() -> None:
    net = Net(v6=REFUSED)
    assert net.dial(V6, V4, OTHER) == V4
    assert [text for text, _ in net.tried] == ["[::1]:80", "127.0.0.1:80"]


def test_a_single_address_has_all_the_time() -> None:
    net = Net()
    net.dial(V4)
    assert net.tried == [("127.0.0.1:80", 9.0)]


def test_an_address_that_is_silent_leaves_time_for_the_others() -> None:
    net = Net(v6=TIMEOUT, v4=TIMEOUT)
    assert net.dial(V6, V4, OTHER) == OTHER
    bounds_s = [bound_s for _, bound_s in net.tried if bound_s is not None]
    assert bounds_s == pytest.approx([2.97, 2.97, 2.97], rel=0.05)


def test_an_address_that_refuses_at_once_leaves_its_time_to_the_others() -> None:
    net = Net(v6=REFUSED)
    net.dial(V6, V4)
    assert [bound_s for _, bound_s in net.tried] == [4.5, 9.0]


def test_without_a_bound_none_of_them_has_one() -> None:
    net = Net(v6=REFUSED)
    net.dial(V6, V4, timeout_s=None)
    assert net.tried == [("[::1]:80", None), ("127.0.0.1:80", None)]


@given(
    timeout_s=st.floats(0.001, 1000),
    silent=st.lists(st.booleans(), min_size=1, max_size=6),
)
def test_all_tries_together_take_no_longer_than_one_connect_may(timeout_s: float, silent: list[bool]) -> None:
    now_ns = 0

    def attempt(address: Address, bound_s: float | None) -> None:
        nonlocal now_ns
        assert bound_s is not None
        assert bound_s > 0
        if silent[int(address.text.rpartition(":")[2])]:
            now_ns += round(bound_s * 1e9)
        raise TIMEOUT

    addresses = [Address(socket.AF_INET, ("192.0.2.1", number)) for number in range(len(silent))]
    with pytest.raises(DialError):
        dial(addresses, timeout_s, attempt, lambda: False, lambda: now_ns)
    assert now_ns <= timeout_s * 1e9 * 1.01


@given(left=st.floats(-1, 1), addresses_left=st.integers(1, 100))
def test_there_are_no_more_than_a_hundred_different_bounds(left: float, addresses_left: int) -> None:
    assert share(left, addresses_left) in {hundredth / 100 for hundredth in range(1, 101)}


def test_where_none_connects_the_last_ones_error_counts_and_all_are_named() -> None:
    net = Net(v6=REFUSED, v4=TIMEOUT)
    with pytest.raises(DialError) as failure:
        net.dial(V6, V4)
    assert failure.value.error is TIMEOUT
    assert failure.value.where == "[::1]:80: Connection refused; 127.0.0.1:80: timed out"


@pytest.mark.parametrize(
    ("codes", "told"),
    [
        ([errno.ECONNREFUSED, errno.ETIMEDOUT], errno.ETIMEDOUT),
        ([errno.ECONNREFUSED, errno.ENETUNREACH], errno.ECONNREFUSED),
        ([errno.ECONNREFUSED, errno.EAFNOSUPPORT], errno.ECONNREFUSED),
        ([errno.EHOSTUNREACH, errno.ENETUNREACH], errno.ENETUNREACH),
        ([errno.EADDRNOTAVAIL, errno.ECONNREFUSED], errno.EADDRNOTAVAIL),
    ],
    ids=lambda value: errno.errorcode[value] if isinstance(value, int) else None,
)
def test_of_several_failures_the_most_telling_one_counts(codes: list[int], told: int) -> None:
    """No way to one address says nothing of a server at another; no local port may be all that is wrong."""
    assert most_telling([OSError(code, os.strerror(code)) for code in codes]).errno == told


def test_of_a_single_address_only_the_address_is_told() -> None:
    with pytest.raises(DialError) as failure:
        Net(v4=REFUSED).dial(V4)
    assert failure.value.where == "127.0.0.1:80"


def test_who_is_stopped_tries_no_other_address() -> None:
    net = Net(v6=REFUSED)
    with pytest.raises(DialError):
        net.dial(V6, V4, stopped=lambda: True)
    assert len(net.tried) == 1


@pytest.mark.parametrize(
    ("source", "fitting"), [(None, [V6, V4]), ("127.0.0.2", [V4]), ("::1", [V6]), ("fd00::1", [V6])]
)
def test_a_source_reaches_addresses_of_its_own_kind(source: str | None, fitting: list[Address]) -> None:
    assert list(from_source([V6, V4], source)) == fitting


def test_a_source_that_reaches_none_of_them_is_refused() -> None:
    with pytest.raises(HarnessError, match=r"--source ::1 to 127.0.0.1:80: .* IPv4 or IPv6"):
        from_source([V4], "::1")
