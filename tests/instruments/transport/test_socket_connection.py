"""Real sockets on this computer: what goes wrong on them is told for what it is."""

import socket
import threading
from contextlib import ExitStack, closing, contextmanager

import pytest

from instruments.transport.connection import ConnectionLostError, NoReplyError
from instruments.transport.socket_connection import SocketConnection, host_and_port

TIMEOUT = 5.0


@pytest.fixture
def connect():
    """Connect to a port of this computer; closed at the end."""
    with ExitStack() as stack:

        def open_one(port):
            return stack.enter_context(closing(SocketConnection("127.0.0.1", port, TIMEOUT)))

        yield open_one


@contextmanager
def peer(behave):
    """Let ``behave(connection)`` serve one client; give its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listener.accept()
        with connection:
            behave(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()
        thread.join(TIMEOUT)


def test_addresses_of_sockets_are_known_from_others():
    assert host_and_port("TCPIP0::10.0.0.7::5025::SOCKET") == ("10.0.0.7", 5025)
    assert host_and_port("tcpip::box.local::5000::socket") == ("box.local", 5000)
    assert host_and_port("TCPIP0::10.0.0.7::inst0::INSTR") is None


def test_messages_and_blocks_arrive_whole_however_they_were_cut(connect):
    def behave(connection):
        connection.recv(100)
        for part in (b"#1", b"4\x0a", b"abc\nnext", b" one\n"):
            connection.sendall(part)

    with peer(behave) as port:
        connection = connect(port)
        connection.write(b"DATA?\n")
        assert connection.read_bytes(8) == b"#14\x0aabc\n"
        assert connection.read_message() == b"next one\n"


def test_a_closed_peer_is_told_at_once_and_not_taken_for_a_slow_one(connect):
    with peer(lambda connection: connection.recv(100)) as port:
        connection = connect(port)
        connection.write(b"MEAS?\n")
        with pytest.raises(ConnectionLostError, match="closed the connection"):
            connection.read_message()


def test_a_refused_connection_is_told_at_opening():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectionLostError, match=f"port {port} of 127.0.0.1: "):
        SocketConnection("127.0.0.1", port, TIMEOUT)


def test_half_a_reply_is_told_with_what_came(connect):
    release = threading.Event()

    def behave(connection):
        connection.sendall(b"1.2")
        release.wait(TIMEOUT)

    with peer(behave) as port:
        connection = connect(port)
        connection.set_timeout(0.05)
        with pytest.raises(NoReplyError) as caught:
            connection.read_message()
        release.set()
    assert caught.value.partial == b"1.2"


def test_clearing_throws_away_what_has_arrived(connect):
    release = threading.Event()

    def behave(connection):
        connection.sendall(b"old\n")
        connection.recv(100)
        connection.sendall(b"new\n")
        release.wait(TIMEOUT)

    with peer(behave) as port:
        connection = connect(port)
        connection.clear()
        connection.write(b"?\n")
        assert connection.read_message() == b"new\n"
        release.set()
