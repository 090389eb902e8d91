"""The trainer's side: one thread that publishes a run and takes commands.

Every 50 ms it copies new rows out of the recorder's ring and sends them, marked provisional by
the count of committed rows beside them. It never writes a file of the record and the training
loop never waits for it: a slow disk delays commits, not what is seen, and never an abort.

Rows and arrays go over sockets of their own with short queues; what a slow monitor misses it
reads from the store.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import zmq

from instruments.errors import SettingsError
from protocols.live.address import LiveAddress, remove_address, this_computer
from protocols.live.answering import CommandDesk
from protocols.live.keys import Doorkeeper, Keys
from protocols.live.messages import Message, MessageError, decode, encode
from protocols.record.checkpoint import Checkpoint
from protocols.record.recorder import Recorder
from protocols.run_control import RunControl

_log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
PUBLISH_SECONDS = 0.05
BEAT_SECONDS = 1.0
TAPS_SECONDS = 0.4

_IDLE_SECONDS = 0.1
_ROWS_A_MESSAGE = 4096
_ROWS_QUEUED = 256
_ARRAYS_QUEUED = 2
_CLOSE_SECONDS = 2.0


class LivePublisher:
    """Publishes a run while it is recorded, and passes commands on to its control.

    Use as a context manager around the training. If the sockets cannot be opened the run goes on
    without them; monitors then read the store.

    Parameters
    ----------
    recorder
        What records the run; it tells this publisher of everything but rows.
    control
        What the training loop obeys.
    host
        Where to listen. Anything but the loopback gets keys (see ``keys``).
    clock
        Seconds, of any origin, that never go back.
    """

    def __init__(
        self,
        recorder: Recorder,
        control: RunControl,
        *,
        host: str = LOOPBACK,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._recorder = recorder
        self._control = control
        self._clock = clock
        self._epochs: deque[tuple[int, npt.NDArray[np.float64]]] = deque(maxlen=256)
        self._events: deque[tuple[int, dict[str, Any]]] = deque(maxlen=256)
        # Newest wins: the training thread puts, the publishing thread takes.
        self._newest: dict[str, tuple[int, dict[str, npt.NDArray[Any]]]] = {}
        self.wants_taps = False
        self._closing = threading.Event()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context(io_threads=1)
        self._keys = None if host in (LOOPBACK, "localhost", "::1") else Keys.new()
        self._doorkeeper = None if self._keys is None else Doorkeeper(self._context, self._keys)
        try:
            self._commands = self._bound(zmq.ROUTER, host, 1000)
            self._rows = self._bound(zmq.XPUB, host, _ROWS_QUEUED)
            self._arrays = self._bound(zmq.XPUB, host, _ARRAYS_QUEUED)
        except zmq.ZMQError as error:
            self._context.destroy(linger=0)
            raise SettingsError(
                f"the monitor's address {host!r} cannot be used ({error}); give an address of this "
                "computer, or none for the loopback"
            ) from error
        self.address = LiveAddress(
            commands=_endpoint(self._commands),
            host=this_computer(),
            process=os.getpid(),
            started=time.time(),
            key={} if self._keys is None else self._keys.for_monitors(),
        )
        self._desk = CommandDesk(
            recorder.path,
            control,
            clock,
            rows=_endpoint(self._rows),
            arrays=_endpoint(self._arrays),
        )
        self._watched = {self._rows: 0, self._arrays: 0}
        self._published = recorder.rows_committed
        self._committed = -1
        self._state = ""
        self._next_beat = 0.0
        self._next_taps = 0.0
        self._thread = threading.Thread(target=self._publish, name="publisher", daemon=True)

    def start(self) -> Self:
        """Begin to publish, and say in the folder of the run where."""
        self._recorder.watch(self)
        self._thread.start()
        self.address.write(self._recorder.path)
        return self

    def close(self) -> None:
        """Publish what is left and stop. A second call does nothing."""
        if not self._closing.is_set():
            self._closing.set()
            if self._thread.is_alive():
                self._thread.join(_CLOSE_SECONDS)
            remove_address(self._recorder.path)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # Told by the recorder, in the training loop's thread ------------------------------------------

    def epoch(self, number: int, values: npt.NDArray[np.float64]) -> None:
        """Row ``number`` of the epochs was recorded."""
        self._epochs.append((number, values))

    def fields(self, step: int, fields: Mapping[str, npt.NDArray[Any]]) -> None:
        """A sample of every tapped field was recorded."""
        self._newest["fields"] = (step, dict(fields))

    def event(self, position: int, event: Mapping[str, Any]) -> None:
        """An event was recorded."""
        self._events.append((position, dict(event)))

    def checkpoint(self, checkpoint: Checkpoint) -> None:
        """A checkpoint was handed over; its weights are worth a look."""
        weights = {
            name.replace("weights/layer_", "weights_"): array
            for name, array in checkpoint.arrays.items()
            if name.startswith("weights/layer_")
        }
        self._newest["weights"] = (checkpoint.step, weights)

    def taps(self, step: int, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Taps and weights of one minibatch, for watching only."""
        self.wants_taps = False
        self._newest["taps"] = (step, dict(arrays))

    def closed(self) -> None:
        """The run was closed."""
        self._control.end()
        self.close()

    # The publishing thread ------------------------------------------------------------------------

    def _bound(self, kind: int, host: str, queued: int) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.linger = 0
        socket.sndhwm = queued
        if kind == zmq.XPUB:
            # Tells of every monitor that comes or goes, not only of the first and the last.
            socket.setsockopt(zmq.XPUB_VERBOSER, 1)
        if self._keys is not None:
            self._keys.guard(socket)
        if ":" in host:
            socket.ipv6 = True
            host = f"[{host}]"
        socket.bind_to_random_port(f"tcp://{host}")
        return socket

    def _publish(self) -> None:
        poller = zmq.Poller()
        for socket in (self._commands, self._rows, self._arrays):
            poller.register(socket, zmq.POLLIN)
        if self._doorkeeper is not None:
            poller.register(self._doorkeeper.socket, zmq.POLLIN)
        try:
            next_tick = self._clock()
            while not self._closing.is_set():
                pace = PUBLISH_SECONDS if self._watched[self._rows] else _IDLE_SECONDS
                wait = min(max(next_tick - self._clock(), 0.0), pace)
                ready = dict(poller.poll(int(1000 * wait) + 1))
                self._hear(ready)
                if self._clock() >= next_tick:
                    self._send_news()
                    next_tick = self._clock() + pace
            self._send_news()
            self._send(self._rows, "end", {})
        except Exception:
            # Seeing is not worth a run: it goes on, and monitors read the store.
            _log.exception("%s: nothing is published any more", self._recorder.path)
        finally:
            self.wants_taps = False
            self._context.destroy(linger=200)

    def _hear(self, ready: Mapping[Any, int]) -> None:
        if self._doorkeeper is not None and self._doorkeeper.socket in ready:
            self._doorkeeper.answer()
        for socket in (self._rows, self._arrays):
            if socket in ready:
                for frame in _all_of(socket):
                    self._watched[socket] += 1 if frame[0][:1] == b"\x01" else -1
                if socket is self._rows:
                    # Whoever is new reads the store up to what is committed, and the rest here.
                    self._published = self._recorder.rows_committed
                    self._next_beat = 0.0
        if self._commands in ready:
            for sender, *frames in _all_of(self._commands):
                try:
                    answer = self._desk.answer(sender, decode(frames))
                except MessageError as error:
                    _log.debug("a command that is none: %s", error)
                    continue
                self._commands.send_multipart([sender, *encode(answer)], zmq.NOBLOCK)
            self._send_state_if_changed()

    def _send_news(self) -> None:
        now = self._clock()
        if self._watched[self._rows]:
            self._send_rows()
            while self._epochs:
                number, values = self._epochs.popleft()
                self._send(self._rows, "epoch", {"number": number}, {"values": values})
            while self._events:
                position, event = self._events.popleft()
                self._send(self._rows, "event", {"position": position, "event": event})
            self._send_state_if_changed()
            if now >= self._next_beat:
                self._send_beat()
        if self._watched[self._arrays]:
            if now >= self._next_taps:
                self._next_taps = now + TAPS_SECONDS
                self.wants_taps = True
            for topic in ("fields", "weights", "taps"):
                step, arrays = self._newest.pop(topic, (0, {}))
                if arrays:
                    self._send(self._arrays, topic, {"step": step}, arrays)

    def _send_rows(self) -> None:
        first, rows = self._recorder.rows_since(self._published, _ROWS_A_MESSAGE)
        committed = self._recorder.rows_committed
        if len(rows) or committed != self._committed:
            self._send(self._rows, "rows", {"first": first, "committed": committed}, {"rows": rows})
        self._published = first + len(rows)
        self._committed = committed

    def _send_state_if_changed(self) -> None:
        if self._control.state != self._state:
            self._send_beat()

    def _send_beat(self) -> None:
        self._state = self._control.state
        self._next_beat = self._clock() + BEAT_SECONDS
        self._send(self._rows, "beat", {"controller": self._desk.controller})

    def _send(
        self,
        socket: zmq.Socket[bytes],
        topic: str,
        header: Mapping[str, Any],
        arrays: Mapping[str, npt.NDArray[Any]] | None = None,
    ) -> None:
        stamped = {
            **header,
            "generation": self._recorder.generation,
            "state": self._control.state,
            "time": self._clock(),
        }
        # PUB sockets drop for a monitor that does not keep up, they never wait.
        socket.send_multipart(encode(Message(topic, stamped, dict(arrays or {}))), zmq.NOBLOCK)


def _all_of(socket: zmq.Socket[bytes]) -> list[list[bytes]]:
    """Return every message that has arrived."""
    messages = []
    while True:
        try:
            messages.append(socket.recv_multipart(zmq.NOBLOCK))
        except zmq.Again:
            return messages


def _endpoint(socket: zmq.Socket[bytes]) -> str:
    """Return where a socket can be reached, a name of this computer for 'every address'."""
    endpoint = socket.getsockopt_string(zmq.LAST_ENDPOINT)
    return endpoint.replace("//0.0.0.0:", f"//{this_computer()}:").replace(
        "//[::]:", f"//{this_computer()}:"
    )
