"""The instruments of a run with what is known of their state, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gui.model.live_table import LiveTable

InstrumentState = Literal["ok", "warning", "fault", "off", "simulated", "no report"]

HEALTH_EVENT = "health"
"""Kind of an event whose details tell an ``instrument``, its ``state`` and a ``reading``."""

_REPORTED: dict[str, InstrumentState] = {"ok": "ok", "warning": "warning", "fault": "fault"}


@dataclass(frozen=True)
class InstrumentLine:
    """One instrument.

    Parameters
    ----------
    name, kind
        As in the bench file.
    state
        ``no report``: nothing in the record tells of its health.
    simulated
        Whether it is simulated.
    reading
        What it reads now, with its unit; empty if nothing is recorded of it.
    driver, identity
        What drives it and who it says it is.
    roles
        What it does on the bench.
    """

    name: str
    kind: str
    state: InstrumentState
    simulated: bool
    reading: str
    driver: str
    identity: str
    roles: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """State in words, simulated or not."""
        if self.simulated and self.state != "simulated":
            return f"simulated, {self.state}"
        return self.state


def health_reports(events: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return what events of the kind ``health`` last told of each instrument, by its name."""
    return {
        str(event["details"].get("instrument")): event["details"]
        for event in events
        if event.get("kind") == HEALTH_EVENT and isinstance(event.get("details"), Mapping)
    }


def instruments(
    configuration: Mapping[str, Any],
    reports: Mapping[str, Mapping[str, Any]],
    steps: LiveTable,
    run_state: str,
) -> list[InstrumentLine]:
    """Return the instruments of a run's bench, in the order of the bench file.

    States and readings come from their newest ``reports`` (see ``health_reports``); what nobody
    reported of is read off the newest step's columns.
    """
    network = configuration.get("network", {})
    bench = network.get("bench")
    if network.get("kind") != "bench" or not isinstance(bench, Mapping):
        return []
    simulated = set(network.get("simulated", ()))
    identities = network.get("identities", {})
    roles = roles_of(bench)
    newest = steps.row(len(steps) - 1) if len(steps) else {}
    lines = []
    for name, section in bench.get("instruments", {}).items():
        report = reports.get(name, {})
        state: InstrumentState = "simulated" if name in simulated else "no report"
        state = _REPORTED.get(str(report.get("state")), state)
        if run_state in ("paused", "completed", "stopped early", "interrupted", "failed"):
            state = "off" if state not in ("warning", "fault") else state
        reading = str(report.get("reading", "")) or _reading(name, bench, newest)
        lines.append(
            InstrumentLine(
                name,
                str(section.get("kind", "")).replace("_", " "),
                state,
                name in simulated,
                reading,
                str(section.get("driver", "")),
                str(identities.get(name, "")),
                tuple(roles.get(name, ())),
            )
        )
    return lines


def roles_of(bench: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what every instrument does on the bench, by name."""
    roles: dict[str, list[str]] = {}

    def add(instrument: object, role: str) -> None:
        if isinstance(instrument, str):
            roles.setdefault(instrument, []).append(role)

    for name, stage in bench.get("stages", {}).items():
        for part in ("inputs", "emitter", "injector", "weights", "amplifier"):
            add(stage.get(part), f"{part} of {name}")
        for port, bank in (stage.get("taps") or {}).items():
            add(bank, f"tap {port} of {name}")
    for name, arm in (bench.get("arms") or {}).items():
        for part in ("shutter", "phase"):
            add((arm or {}).get(part), f"{part} of the {name} arm")
    absorber = bench.get("absorber") or {}
    add(absorber.get("oven"), "oven of the absorber")
    add(absorber.get("laser"), "light source")
    add((bench.get("exposure") or {}).get("trigger"), "trigger of every exposure")
    return roles


def stage_of_layer(bench: Mapping[str, Any], layer: int) -> str | None:
    """Return the name of the stage that serves a layer, counted from 1."""
    names = (bench.get("network") or {}).get("stages") or []
    return str(names[layer - 1]) if 0 < layer <= len(names) else None


def _reading(name: str, bench: Mapping[str, Any], newest: Mapping[str, float]) -> str:
    """Return what the newest step's columns tell of an instrument."""
    layers = len((bench.get("network") or {}).get("stages") or [])
    for layer in range(1, layers + 1):
        stage = (bench.get("stages") or {}).get(stage_of_layer(bench, layer), {})
        if stage.get("amplifier") == name and f"gain_decibels_{layer}" in newest:
            return f"{newest[f'gain_decibels_{layer}']:.1f} dB"
        if stage.get("weights") == name and f"clipped_share_{layer}" in newest:
            return f"{100 * newest[f'clipped_share_{layer}']:.1f} % clipped"
        if name in (stage.get("taps") or {}).values() and "saturated_share" in newest:
            return f"{100 * newest['saturated_share']:.1f} % saturated"
    if (bench.get("absorber") or {}).get("oven") == name:
        setting = bench["absorber"].get("oven_temperature")
        return f"set {setting}".replace("degC", "°C") if setting else ""
    return ""
