"""Encryption and access where a trainer can be reached from other computers.

CURVE (RFC 26 of the ZeroMQ project): the trainer makes a key pair for itself and one for its
monitors and leaves what a monitor needs in ``monitor.json``, which only its owner can read. Who
has a copy of that file may watch and command; nobody else gets a connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import zmq
from zmq.utils import z85

_ZAP_ENDPOINT = "inproc://zeromq.zap.01"


@dataclass(frozen=True)
class Keys:
    """The keys of one run, all in Z85 text."""

    server_public: str
    server_secret: str
    client_public: str
    client_secret: str

    @classmethod
    def new(cls) -> Keys:
        """Make new keys."""
        server_public, server_secret = zmq.curve_keypair()
        client_public, client_secret = zmq.curve_keypair()
        return cls(
            server_public.decode(),
            server_secret.decode(),
            client_public.decode(),
            client_secret.decode(),
        )

    def for_monitors(self) -> dict[str, str]:
        """Return what a monitor has to know."""
        return {
            "server_public": self.server_public,
            "client_public": self.client_public,
            "client_secret": self.client_secret,
        }

    def guard(self, socket: zmq.Socket[bytes]) -> None:
        """Let only holders of the keys connect to a socket that is about to be bound."""
        socket.curve_server = True
        socket.curve_publickey = self.server_public.encode()
        socket.curve_secretkey = self.server_secret.encode()


def use_keys(socket: zmq.Socket[bytes], keys: Mapping[str, str]) -> None:
    """Connect a monitor's socket with the keys from ``monitor.json``, if there are any."""
    if keys:
        socket.curve_serverkey = keys["server_public"].encode()
        socket.curve_publickey = keys["client_public"].encode()
        socket.curve_secretkey = keys["client_secret"].encode()


class Doorkeeper:
    """Answers libzmq's question whether a key may connect (ZAP, RFC 27).

    It has to exist before the sockets it guards are bound.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], keys: Keys) -> None:
        self._allowed = z85.decode(keys.client_public)
        self.socket = context.socket(zmq.REP)
        self.socket.linger = 0
        self.socket.bind(_ZAP_ENDPOINT)

    def answer(self) -> None:
        """Answer one question."""
        version, request, _domain, _address, _identity, mechanism, *credentials = (
            self.socket.recv_multipart()
        )
        allowed = mechanism == b"CURVE" and credentials == [self._allowed]
        code, words = (b"200", b"OK") if allowed else (b"400", b"unknown key")
        self.socket.send_multipart([version, request, code, words, b"monitor", b""])
