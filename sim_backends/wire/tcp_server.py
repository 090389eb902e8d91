"""Simulated boxes on TCP sockets of this computer, for programs that do not use PyVISA."""

from __future__ import annotations

import logging
import os
import socketserver
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from instruments.errors import SettingsError
from sim_backends.wire.box_link import BoxLink, LinkBroken

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
LAST_PORT = 65535
_CHUNK = 1 << 16


class _Handler(socketserver.BaseRequestHandler):
    server: _BoxServer

    def handle(self) -> None:
        """Carry messages there and replies back until either side closes."""
        try:
            session = self.server.link.connect(is_stream=True)
            while data := self.request.recv(_CHUNK):
                session.write(data, ends=False)
                replies = session.take_replies()
                if replies:
                    self.request.sendall(replies)
        except (LinkBroken, OSError) as error:
            logger.debug("%s: %s", self.server.link.address, error)


class _BoxServer(socketserver.ThreadingTCPServer):
    # On Windows this would take a port away from whoever listens there already.
    allow_reuse_address = os.name != "nt"
    daemon_threads = True

    def __init__(self, link: BoxLink, port: int) -> None:
        self.link = link
        super().__init__((LOOPBACK, port), _Handler)


def _listen(link: BoxLink, port: int) -> _BoxServer:
    try:
        return _BoxServer(link, port)
    except OSError as error:
        raise SettingsError(
            f"port {port} of {LOOPBACK}, for '{link.address}', cannot be had: "
            f"{(error.strerror or type(error).__name__).lower()}; let the ports begin elsewhere, "
            "or at 0 for whatever is free"
        ) from error


class ServedBoxes:
    """Listens for every box of a bench, on loopback only; closed on leaving the ``with`` block.

    Parameters
    ----------
    links
        The boxes by address.
    first_port
        Ports are taken from here on; 0: whatever is free.

    Raises
    ------
    SettingsError
        If one of these ports cannot be had.
    """

    def __init__(self, links: Mapping[str, BoxLink], first_port: int = 0) -> None:
        last = first_port + len(links) - 1
        if first_port and last > LAST_PORT:
            raise SettingsError(
                f"first port: found {first_port}; {len(links)} boxes need as many ports and the "
                f"last one there is is {LAST_PORT}: begin at {LAST_PORT + 1 - len(links)} at most"
            )
        self._servers: dict[str, _BoxServer] = {}
        try:
            for number, (address, link) in enumerate(links.items()):
                self._servers[address] = _listen(link, first_port and first_port + number)
        except BaseException:
            # None of them serves yet, so that there is nothing to shut down.
            for server in self._servers.values():
                server.server_close()
            raise
        for address, server in self._servers.items():
            threading.Thread(
                target=server.serve_forever,
                kwargs={"poll_interval": 0.05},
                name=f"serving {address}",
                daemon=True,
            ).start()

    @property
    def addresses(self) -> dict[str, str]:
        """Where each box answers now, as a resource string, by the address it has on the bench."""
        return {
            address: f"TCPIP0::{LOOPBACK}::{server.server_address[1]}::SOCKET"
            for address, server in self._servers.items()
        }

    def close(self) -> None:
        """Stop listening."""
        for server in self._servers.values():
            server.shutdown()
            server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
