"""Everything a monitor shows of one run, kept up to date from the store and the socket."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gui.model.fidelity import FidelityLog
from gui.model.instrument_list import InstrumentLine, health_reports, instruments
from gui.model.layers import layers_of
from gui.model.link import Link, judge
from gui.model.live_table import LiveTable
from gui.model.taps import Taps, weights_in
from gui.model.time_left import TimeLeft, time_left
from instruments.errors import NetworkError, RecordError
from protocols.live.client import Answer, LiveClient
from protocols.live.messages import Message
from protocols.live.stored_parts import Part, events_in

Reader = Callable[[Mapping[str, Any]], Part]
Connect = Callable[[LiveClient | None], LiveClient | None]

POLL_SECONDS = 0.5
_CONNECT_SECONDS = 1.0


class RunModel:
    """One run, live or past. Look at it regularly with ``look``; it never waits for the trainer.

    Parameters
    ----------
    path
        Folder of the run, for its name.
    read
        Reads a part of the run (``protocols.live.stored_parts.read_part`` or a client's ``read``).
    connect
        Gives a connection to its trainer, the present one while that is still right, or ``None``.
    client
        The connection there is already; the model closes it in the end.
    clock
        Seconds that never go back.
    """

    def __init__(
        self,
        path: Path,
        read: Reader,
        connect: Connect | None = None,
        *,
        client: LiveClient | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.path = path
        self.client = client
        self._connect = connect
        self._next_connect = -float("inf")
        self._read = read
        self._clock = clock
        self._changes: set[str] = set()
        header, _ = read({"what": "run"})
        self.configuration: dict[str, Any] = header["configuration"]
        self.versions: dict[str, Any] = header["versions"]
        self.identities: dict[str, Any] = header["identities"]
        self.created = float(header["created"])
        self.steps = LiveTable(header["rows"]["columns"], header["rows"]["units"])
        self.epochs = LiveTable(header["epochs"]["columns"], header["epochs"]["units"])
        self.layers = layers_of(self.configuration)
        self.taps = Taps()
        self.fidelity = FidelityLog()
        self.events: list[dict[str, Any]] = []
        self.answers: list[Answer] = []
        self.trouble = ""
        """Why the store could not be read the last time, or nothing."""
        self._event_bytes = 0
        self._early_events: dict[int, dict[str, Any]] = {}
        self._reports: dict[str, Mapping[str, Any]] = {}
        self._latest: dict[str, Any] = {"state": "running", "generation": -1, "counts": {}}
        self._heard_state = ""
        self._reload = False
        self._next_poll = -float("inf")
        self._polled_at = -float("inf")
        self._truth_at: float | None = None
        self.poll()

    # State ----------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.path.name

    @property
    def link(self) -> Link:
        """Whether what is shown is up to date."""
        now = self._clock()
        heard = None
        if self.client is not None and self.client.heard_at > -float("inf"):
            heard = now - self.client.heard_at
        if heard is not None and self._truth_at is not None and self.client is not None:
            truth = self.client.trainer_time(now) - self._truth_at
        else:
            truth = now - self._polled_at
        return judge(self._latest["state"], heard_seconds_ago=heard, truth_seconds_ago=truth)

    @property
    def state(self) -> str:
        """What the run does: the trainer's own word, else the record's; ``lost`` if it died."""
        stored = str(self._latest["state"])
        if stored == "killed":
            return "lost"
        if stored == "running" and self._heard_state not in ("", "ended"):
            return self._heard_state
        return stored

    @property
    def is_going_on(self) -> bool:
        """Whether a trainer is at work, as far as is known."""
        return bool(self._latest["state"] == "running")

    @property
    def reason(self) -> str:
        """Why it ended."""
        return str(self._latest.get("reason", ""))

    @property
    def note(self) -> str:
        """The user's own words."""
        return str(self._latest.get("note", ""))

    @property
    def summary(self) -> dict[str, Any]:
        """What came of it."""
        return dict(self._latest.get("summary", {}))

    @property
    def updated(self) -> float:
        """Seconds since 1970 when the record was last written."""
        return float(self._latest.get("updated", self.created))

    @property
    def simulation(self) -> str:
        """Whether there is light: the words for the header."""
        network = self.configuration.get("network", {})
        if network.get("kind") != "bench":
            return "COMPUTED, no light" if network.get("kind") == "ideal" else "UNKNOWN HARDWARE"
        instruments = network.get("bench", {}).get("instruments", {})
        simulated = network.get("simulated", [])
        if len(simulated) == len(instruments):
            return "SIMULATED BENCH"
        if not simulated:
            return "HARDWARE"
        return f"HARDWARE, {len(simulated)} of {len(instruments)} instruments SIMULATED"

    @property
    def epochs_planned(self) -> int:
        """Epochs the run was started for; 0 if its record does not say."""
        return int(self.configuration.get("settings", {}).get("epochs", 0) or 0)

    @property
    def steps_planned(self) -> int:
        """Steps the run was started for; 0 if its record does not say."""
        batch = int(self.configuration.get("settings", {}).get("batch_size", 0) or 0)
        images = int(self.configuration.get("dataset", {}).get("train_samples", 0) or 0)
        return -(-images // batch) * self.epochs_planned if batch else 0

    @property
    def time_left(self) -> TimeLeft | None:
        """How long it will take yet."""
        if not self.is_going_on or "seconds" not in self.steps or not self.steps_planned:
            return None
        in_epoch = self.steps_planned // self.epochs_planned if self.epochs_planned else 0
        to_go = self.steps_planned - len(self.steps)
        return time_left(self.steps["seconds"], to_go, in_epoch)

    # Keeping up -----------------------------------------------------------------------------------

    def look(self) -> None:
        """Take in what was published and, now and then, what was written."""
        now = self._clock()
        self._find_trainer(now)
        if self.client is not None:
            self._listen(self.client)
        if self._reload or self.steps.gap is not None or now >= self._next_poll:
            self.poll()

    def take_changes(self) -> set[str]:
        """Return what has changed since the last call.

        Of ``rows``, ``epochs``, ``events``, ``taps``, ``state``, ``all``.
        """
        changes, self._changes = self._changes, set()
        return changes

    def close(self) -> None:
        """Let go of the trainer."""
        if self.client is not None:
            self.client.close()

    def poll(self) -> None:
        """Read what is new in the store; trouble is kept in ``trouble`` and tried again."""
        now = self._clock()
        self._next_poll = now + (POLL_SECONDS if self.is_going_on else 4 * POLL_SECONDS)
        try:
            self._take_latest()
            counts = self._latest["counts"]
            self._take_rows("rows", self.steps, counts["rows"])
            self._take_rows("epochs", self.epochs, counts["epochs"])
            self._take_events(counts["events"])
            self._take_taps(counts["samples"], self._latest["checkpoint"])
        except RecordError as error:
            if self.trouble != str(error):
                self.trouble = str(error)
                self._changes.add("state")
            return
        self._polled_at = now
        if self.trouble:
            self.trouble = ""
            self._changes.add("state")
        if not self.is_going_on:
            self._withdraw()

    def sample(self, step: int | None) -> None:
        """Show the taps as they were at ``step`` or the sample before it; ``None``: the newest."""
        if step is None:
            self.taps.follow()
        else:
            index = self.taps.index_at(step)
            if index is None:
                self.taps.show_none(step)
            elif index != self.taps.shown_index:
                try:
                    header, arrays = self._read({"what": "fields", "index": index})
                except RecordError as error:
                    self.trouble = str(error)
                    return
                self.taps.show(index, int(header["step"]), arrays)
            else:
                return
        self._changes.add("taps")

    def _find_trainer(self, now: float) -> None:
        """Connect, or connect anew where a resumed run is published somewhere else."""
        if self._connect is None or not self.is_going_on or now < self._next_connect:
            return
        self._next_connect = now + _CONNECT_SECONDS
        if self.client is None or now - self.client.heard_at > _CONNECT_SECONDS:
            self.client = self._connect(self.client)

    def _listen(self, client: LiveClient) -> None:
        if self.is_going_on:
            client.greet()
        self.answers += [answer for answer in client.answers() if answer.text]
        client.subscribe()
        for message in client.hear():
            self._take(message)

    def _take(self, message: Message) -> None:
        header = message.header
        generation = int(header.get("generation", -1))
        if generation != self._latest["generation"]:
            self._reload = True
            return
        self._truth_at = float(header["time"])
        if header["state"] != self._heard_state:
            self._heard_state = str(header["state"])
            self._changes.add("state")
        if message.topic == "rows":
            rows = np.asarray(message.arrays["rows"], np.float64)
            if self.steps.hear(int(header["first"]), rows, int(header["committed"])):
                self._changes.add("rows")
        elif message.topic == "epoch":
            values = np.asarray(message.arrays["values"], np.float64).reshape(1, -1)
            if self.epochs.hear(int(header["number"]), values, 0):
                self._changes.add("epochs")
        elif message.topic == "event":
            self._early_events[int(header["position"])] = dict(header["event"])
            self._changes.add("events")
        elif message.topic in ("fields", "weights", "taps"):
            if self.taps.hear(message.topic, int(header["step"]), message.arrays):
                self._changes.add("taps")
                if message.topic == "taps":
                    self._judge_gradient(int(header["step"]), message.arrays)
        elif message.topic == "end":
            self._reload = True

    def _judge_gradient(self, step: int, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        weights = weights_in(arrays)
        try:
            self.fidelity.take(step, self.layers, arrays, weights)
        except (ValueError, NetworkError) as error:
            self.trouble = f"the gradient cannot be compared ({error})"

    def instruments(self) -> list[InstrumentLine]:
        """Return the instruments of the bench with what is known of them."""
        reports = self._reports | health_reports(self._early())
        return instruments(self.configuration, reports, self.steps, self.state)

    def shown_events(self) -> list[dict[str, Any]]:
        """Return every event, those not yet written at the end."""
        return [*self.events, *self._early()]

    def _early(self) -> list[dict[str, Any]]:
        return [self._early_events[position] for position in sorted(self._early_events)]

    def _take_latest(self) -> None:
        header, _ = self._read({"what": "latest"})
        before = {name: self._latest.get(name) for name in ("state", "reason", "generation")}
        if header["generation"] != self._latest["generation"] and self._latest["generation"] >= 0:
            for table in (self.steps, self.epochs):
                table.clear()
            self.taps.clear()
            self.fidelity = FidelityLog()
            self.events, self._event_bytes, self._early_events = [], 0, {}
            self._reports.clear()
            self._heard_state = ""
            self._changes.add("all")
        self._latest = header
        self._reload = False
        if any(header[name] != value for name, value in before.items()):
            self._changes.add("state")

    def _take_rows(self, what: str, table: LiveTable, count: int) -> None:
        # Rows that were heard already need not be read: the count vouches for them.
        while len(table) < count:
            header, arrays = self._read({"what": what, "start": len(table), "stop": count})
            self._check_generation(header)
            if not len(arrays[what]):
                break
            table.fill(header["start"], arrays[what])
            self._changes.add(what)
        if count > table.committed:
            table.committed = min(count, len(table))
            self._changes.add(what)

    def _take_events(self, count: int) -> None:
        while self._event_bytes < count:
            header, arrays = self._read(
                {"what": "events", "start": self._event_bytes, "stop": count}
            )
            self._check_generation(header)
            lines: npt.NDArray[np.uint8] = arrays["events"]
            ends = np.flatnonzero(lines == ord("\n"))
            if not len(ends):
                break
            whole = int(ends[-1]) + 1
            new = events_in(lines[:whole])
            self.events += new
            self._reports |= health_reports(new)
            self._event_bytes += whole
            self._changes.add("events")
        self._early_events = {
            position: event
            for position, event in self._early_events.items()
            if position >= self._event_bytes
        }

    def _take_taps(self, samples: int, checkpoint: int) -> None:
        if samples != len(self.taps.sample_steps):
            _, arrays = self._read({"what": "samples"})
            self.taps.sample_steps = arrays["steps"]
            self._changes.add("taps")
            if samples:
                header, fields = self._read({"what": "fields", "index": samples - 1})
                self.taps.hear("fields", int(header["step"]), fields)
        if checkpoint != self.taps.checkpoint:
            header, weights = self._read({"what": "weights"})
            self.taps.checkpoint = checkpoint
            if self.taps.hear("weights", int(header["step"]), weights):
                self._changes.add("taps")

    def _check_generation(self, header: Mapping[str, Any]) -> None:
        if header["generation"] != self._latest["generation"]:
            self._reload = True
            raise RecordError(f"{self.path}: the run was resumed while it was read")

    def _withdraw(self) -> None:
        """Forget what was heard and never written, now that nobody writes any more."""
        if self.steps.withdraw():
            self._changes.add("rows")
        if self.epochs.withdraw():
            self._changes.add("epochs")
        if self.taps.forget_previews():
            self._changes.add("taps")
        if self._early_events:
            self._early_events.clear()
            self._changes.add("events")
