"""Simulated boxes on TCP sockets of this computer, for programs that do not use PyVISA."""

from __future__ import annotations

import logging
import socketserver
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from sim_backends.wire.box_link import BoxLink, LinkBroken

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
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
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, link: BoxLink, port: int) -> None:
        self.link = link
        super().__init__((LOOPBACK, port), _Handler)


class ServedBoxes:
    """Listens for every box of a bench, on loopback only; closed on leaving the ``with`` block.

    Parameters
    ----------
    links
        The boxes by address.
    first_port
        Ports are taken from here on; 0: whatever is free.
    """

    def __init__(self, links: Mapping[str, BoxLink], first_port: int = 0) -> None:
        self._servers: dict[str, _BoxServer] = {}
        try:
            for number, (address, link) in enumerate(links.items()):
                port = first_port and first_port + number
                self._servers[address] = _BoxServer(link, port)
        except BaseException:
            self.close()
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
