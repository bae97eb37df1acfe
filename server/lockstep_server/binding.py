"""Getting a port, and saying plainly why one cannot be had."""

from __future__ import annotations

import errno
import socket

from lockstep_server.settings import SettingsError
from lockstep_server.socket_options import tune_listener


def bind(host: str, port: int, backlog: int, flag: str, host_flag: str | None = None) -> socket.socket:
    """A listening socket. SettingsError names --bind (or host_flag) or `flag`, whichever is to blame."""
    sock: socket.socket | None = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, protocol)
        tune_listener(sock)
        if family == socket.AF_INET6 and address[0] == "::":
            # All addresses, those of IPv4 too, whatever the system's own choice is.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(address)
        sock.listen(backlog)
    except (OSError, UnicodeError) as error:
        # A UnicodeError is a name that cannot be one, such as `a..b`.
        if sock:
            sock.close()
        raise bind_error(error, host, port, host_flag or f"--bind {host}", flag) from error
    return sock


def bind_error(
    error: OSError | UnicodeError, host: str, port: int, host_flag: str, port_flag: str
) -> SettingsError:
    """One line with the flag to blame, its value and the remedy."""
    if isinstance(error, socket.gaierror | UnicodeError) or error.errno == errno.EADDRNOTAVAIL:
        return SettingsError(
            f"{host_flag} is not an address of this machine; use one of its own, or 0.0.0.0 for all of them"
        )
    if error.errno == errno.EADDRINUSE:
        why = f"port {port} on {host} is in use; stop the program that has it, or pick another port (0: any)"
    elif error.errno in (errno.EACCES, errno.EPERM):
        why = f"no permission for port {port}; pick one from 1024 on"
    else:
        why = f"cannot listen on {host} port {port} ({error.strerror}); pick another port or address"
    return SettingsError(f"{port_flag}: {why}")
