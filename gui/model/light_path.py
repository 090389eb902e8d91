"""The way of the light over a bench, block by block, as a schematic shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gui.model.instrument_list import InstrumentLine
from instruments.network import Layer

LinkKind = Literal["light", "tap", "backward"]
Link = tuple[str, str, LinkKind]
BlockState = Literal["ok", "warning", "fault", "off", "simulated", "no report", "passive"]


@dataclass(frozen=True)
class Block:
    """One block of a schematic.

    Parameters
    ----------
    name
        Name of the instrument, or of the passive part.
    caption
        What it is.
    row, column
        Where it stands.
    state, reading
        As in the list of instruments; ``passive`` for what has no state.
    simulated
        Whether it is simulated.
    """

    name: str
    caption: str
    row: int
    column: int
    state: BlockState = "passive"
    reading: str = ""
    simulated: bool = False


@dataclass(frozen=True)
class LightPath:
    """Blocks and the light between them; ``links`` go from name to name, forwards or tapped."""

    blocks: tuple[Block, ...]
    links: tuple[Link, ...]


def bench_path(bench: Mapping[str, Any], lines: list[InstrumentLine]) -> LightPath:
    """Return the way of the light over a bench as its file describes it.

    Every stage has a band of rows of its own; from one to the next the light turns back, so that
    a long bench stays readable.
    """
    return _BenchDrawing(bench, lines).path()


class _BenchDrawing:
    """Puts the blocks of a bench into their places, one after the other."""

    def __init__(self, bench: Mapping[str, Any], lines: list[InstrumentLine]) -> None:
        self._bench = bench
        self._lines = lines
        self._by_name = {line.name: line for line in lines}
        self._blocks: dict[str, Block] = {}
        self._links: list[Link] = []
        self._row = 1
        self._column = -1
        self._direction = 1
        self._previous: str | None = None

    def path(self) -> LightPath:
        arms = self._bench.get("arms") or {}
        absorber = self._bench.get("absorber") or {}
        self._next(absorber.get("laser"), "light source")
        self._next((arms.get("forward") or {}).get("shutter"), "forward shutter")
        for number, (name, stage) in enumerate((self._bench.get("stages") or {}).items()):
            if number:
                self._turn()
            self._stage(name, stage, absorber)
        self._rest()
        return LightPath(tuple(self._blocks.values()), tuple(self._links))

    def _stage(self, name: str, stage: Mapping[str, Any], absorber: Mapping[str, Any]) -> None:
        taps = stage.get("taps") or {}
        self._next(stage.get("inputs"), "input modulators")
        self._next(stage.get("emitter"), "emitter")
        self._next(stage.get("amplifier"), "amplifier")
        self._next(stage.get("weights"), f"weights of {name}")
        self._beside(taps.get("z"), f"tap z of {name}", 1, "tap")
        self._beside(taps.get("rho"), f"tap rho of {name}", -1, "backward")
        if stage.get("absorber"):
            self._next(f"cell of {name}", "saturable absorber")
            self._beside(taps.get("a"), f"tap a of {name}", 1, "tap")
            self._beside(taps.get("delta"), f"tap delta of {name}", -1, "backward")
        if stage.get("injector"):
            previous = self._previous
            self._column += self._direction
            self._put(stage["injector"], "error injector", self._row, self._column)
            if previous:
                self._links.append((stage["injector"], previous, "backward"))

    def _turn(self) -> None:
        """Begin the next band below, in the other direction."""
        self._column += self._direction
        self._row += 3
        self._direction = -self._direction
        self._column -= self._direction

    def _next(self, name: str | None, caption: str) -> None:
        """Put a block behind the one before, and light between them."""
        if not name or name in self._blocks:
            return
        self._column += self._direction
        self._put(name, caption, self._row, self._column)
        if self._previous:
            self._links.append((self._previous, name, "light"))
        self._previous = name

    def _beside(self, name: str | None, caption: str, below: int, kind: LinkKind) -> None:
        if name and name not in self._blocks and self._previous:
            self._put(name, caption, self._row + below, self._column)
            self._links.append((self._previous, name, kind))

    def _rest(self) -> None:
        """Put what light does not pass below everything else."""
        bottom = max((block.row for block in self._blocks.values()), default=0) + 1
        width = 1 + max((block.column for block in self._blocks.values()), default=0)
        rest = [line for line in self._lines if line.name not in self._blocks]
        for number, line in enumerate(rest):
            row, column = divmod(number, max(width, 1))
            self._put(line.name, line.roles[0] if line.roles else line.kind, bottom + row, column)

    def _put(self, name: str, caption: str, row: int, column: int) -> None:
        line = self._by_name.get(name)
        if line is None:
            self._blocks[name] = Block(name, caption, row, column)
        else:
            self._blocks[name] = Block(
                name, caption, row, column, line.state, line.reading, line.simulated
            )


def ideal_path(layers: tuple[Layer, ...]) -> LightPath:
    """Return the steps of a computed network; nothing of it is light."""
    if not layers:
        return LightPath((), ())
    blocks = [Block("inputs", f"{layers[0].inputs} inputs", 0, 0, "simulated", "", True)]
    links: list[Link] = []
    for number, layer in enumerate(layers, start=1):
        weights = f"W({number})"
        blocks.append(
            Block(
                weights,
                f"{layer.outputs} × {layer.inputs} weights",
                0,
                len(blocks),
                "simulated",
                "",
                True,
            )
        )
        links.append((blocks[-2].name, weights, "light"))
        if layer.unit is not None:
            unit = f"{layer.unit.kind} {number}"
            strength = f"optical depth {layer.unit.strength:g}" if layer.unit.strength else ""
            blocks.append(
                Block(unit, "nonlinear unit", 0, len(blocks), "simulated", strength, True)
            )
            links.append((weights, unit, "light"))
    blocks.append(
        Block("outputs", f"{layers[-1].outputs} outputs", 0, len(blocks), "simulated", "", True)
    )
    links.append((blocks[-2].name, "outputs", "light"))
    return LightPath(tuple(blocks), tuple(links))
