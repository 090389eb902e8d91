"""The lines ``backbeam align`` understands, each a word or two and what it is about."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

from instruments.bench_file.problems import listed, nearest
from instruments.calibration_light import ARMS, Arm
from instruments.errors import SettingsError
from instruments.interfaces.camera import Region
from instruments.quantities import (
    CURRENT,
    FREQUENCY,
    TEMPERATURE,
    TIME,
    VOLTAGE,
    QuantityKind,
    parse_quantity,
)
from protocols.alignment.bench_by_hand import BenchByHand
from protocols.alignment.fringes import measure_fringes
from protocols.alignment.patterns import Blocks, Choice
from protocols.alignment.readings import (
    DarkLevels,
    everything,
    standing,
    take_dark,
    take_reading,
)
from protocols.commands.align_tables import AlignmentTables

Words = Sequence[str]

_NUMBER_AND_UNIT = re.compile(r"(?<=\s)([+-]?[\d.]+)\s+([pnumkMG]?(?:V|A|Hz|s)|degC)(?=\s|$)")


@dataclass(frozen=True)
class LineKind:
    """One kind of line.

    Attributes
    ----------
    usage, meaning
        For ``help``.
    run
        Takes the words behind the first.
    reads
        Whether a reading belongs behind it: something may look different now.
    """

    usage: str
    meaning: str
    run: Callable[[Words], None]
    reads: bool = True


@dataclass
class AlignmentLines:
    """Takes lines and drives a bench with them.

    Attributes
    ----------
    dark
        What is subtracted from readings.
    """

    bench: BenchByHand
    tables: AlignmentTables
    dark: DarkLevels = field(default_factory=DarkLevels)
    kinds: dict[str, LineKind] = field(init=False)

    def __post_init__(self) -> None:
        self.kinds = {
            "laser": LineKind("laser on|off|lock [NAME]", "switch or lock a laser", self._laser),
            "open": LineKind("open ARM ...", "forward, backward, reference or all", self._open),
            "shut": LineKind("shut ARM ...", "the same, shut", self._shut),
            "show": LineKind(
                "show STAGE all|none|row R|column C|block R C",
                "which blocks of a panel are bright, counted from 0",
                self._show,
            ),
            "light": LineKind(
                "light [ARRAY] all|none|N ... [VOLTS]",
                "modulators at full or at VOLTS, mirrors on; the others dark",
                self._light,
            ),
            "input": LineKind(
                "input [STAGE] N [VOLTS]",
                "one input to all taps: its modulator and its column alone",
                self._input,
            ),
            "current": LineKind(
                "current STAGE AMPERES",
                "amplifiers of a stage, such as 120mA; 0mA: off",
                self._gain,
            ),
            "turn": LineKind(
                "turn BANK VOLTS", "phase actuator of a bank's references", self._turn
            ),
            "clear": LineKind("clear on|off", "absorber transparent, by detuning", self._clear),
            "detune": LineKind("detune FREQUENCY [LASER]", "such as 2.5GHz", self._detune),
            "oven": LineKind("oven CELSIUS|off", "such as 60degC; does not wait", self._oven),
            "exposure": LineKind("exposure CAMERA SECONDS", "such as 2ms", self._exposure),
            "regions": LineKind(
                "regions CAMERA ROWS COLUMNS | CAMERA ROW COLUMN HEIGHT WIDTH",
                "an even grid of regions, or a single one in pixels",
                self._regions,
            ),
            "dark": LineKind(
                "dark [off]", "read with all arms shut and subtract it from now on", self._dark
            ),
            "read": LineKind(
                "read [NAME ...]", "one name: channel by channel", self._read, reads=False
            ),
            "watch": LineKind(
                "watch [NAME ...] [COUNT]",
                "read again and again, COUNT times or until Ctrl-C",
                self._watch,
                reads=False,
            ),
            "fringes": LineKind(
                "fringes STAGE", "step its phase: size and visibility", self._fringes, reads=False
            ),
            "status": LineKind("status", "how everything stands", self._status, reads=False),
            "safe": LineKind("safe", "everything off now, and stay", self._safe, reads=False),
            "help": LineKind("help", "these lines", self._help, reads=False),
            "quit": LineKind("quit", "everything off, and leave", self._nothing, reads=False),
        }

    def obey(self, line: str) -> bool:
        """Do what a line says; return whether it wants to leave.

        Empty lines and those that begin with ``#`` say nothing.

        Raises
        ------
        BackbeamError
            If it cannot be; nothing was changed then.
        """
        try:
            words = shlex.split(_NUMBER_AND_UNIT.sub(r"\1\2", line), comments=True)
        except ValueError as error:
            raise SettingsError(f"'{line.strip()}': {error}") from None
        if not words:
            return False
        kind = self.kinds.get(words[0])
        if kind is None:
            hint = nearest(words[0], self.kinds)
            raise SettingsError(f"there is no line '{words[0]}'{hint}; try 'help'")
        kind.run(words[1:])
        if kind.reads and self.tables.shows_every_step:
            self._read(())
        return words[0] == "quit"

    # What lines do ---------------------------------------------------------------------------

    def _laser(self, words: Words) -> None:
        what, name = self._one_of("laser", words, ("on", "off", "lock"), self.bench.names("laser"))
        if what == "lock":
            self.bench.lock(name)
        else:
            self.bench.set_laser(name, what == "on")

    def _open(self, words: Words) -> None:
        for arm in self._arms("open", words):
            self.bench.set_arm(arm, True)

    def _shut(self, words: Words) -> None:
        for arm in self._arms("shut", words):
            self.bench.set_arm(arm, False)

    def _arms(self, word: str, words: Words) -> list[Arm]:
        if list(words) == ["all"]:
            return [arm for arm in ARMS if self.bench.shutter_of(arm) is not None]
        wrong = [one for one in words if one not in ARMS]
        if not words or wrong:
            raise self._misuse(word, wrong[0] if wrong else None)
        return cast("list[Arm]", list(words))

    def _show(self, words: Words) -> None:
        if len(words) < 2:
            raise self._misuse("show")
        stage, choice, *places = words
        numbers = {"all": 0, "none": 0, "row": 1, "column": 1, "block": 2}
        if choice not in numbers or len(places) != numbers[choice]:
            raise self._misuse("show", choice if choice not in numbers else None)
        counts = [_count("show", place) for place in places]
        row = counts[0] if choice in ("row", "block") else 0
        column = counts[-1] if choice in ("column", "block") else 0
        self.bench.show(stage, Blocks(cast(Choice, choice), row, column))

    def _light(self, words: Words) -> None:
        arrays = self.bench.light_sources()
        array, rest = self._named("light", words, arrays)
        volts, rest = _with_unit(rest, VOLTAGE)
        if list(rest) == ["all"]:
            self.bench.drive(array, None, volts)
        elif list(rest) == ["none"]:
            self.bench.drive(array, [], volts)
        elif rest:
            self.bench.drive(array, [_count("light", one) for one in rest], volts)
        else:
            raise self._misuse("light")

    def _input(self, words: Words) -> None:
        stages = [name for name, one in self.bench.file.stages.items() if one.inputs is not None]
        volts, rest = _with_unit(words, VOLTAGE)
        stage, rest = self._named("input", rest, stages)
        if len(rest) != 1:
            raise self._misuse("input")
        self.bench.input_to_all_taps(stage, _count("input", rest[0]), volts)

    def _gain(self, words: Words) -> None:
        if len(words) != 2:
            raise self._misuse("current")
        self.bench.set_current(words[0], parse_quantity(words[1], CURRENT, "non-negative"))

    def _turn(self, words: Words) -> None:
        if len(words) != 2:
            raise self._misuse("turn")
        self.bench.turn_reference(words[0], parse_quantity(words[1], VOLTAGE))

    def _clear(self, words: Words) -> None:
        if list(words) not in (["on"], ["off"]):
            raise self._misuse("clear")
        self.bench.clear(words[0] == "on")

    def _detune(self, words: Words) -> None:
        if not words:
            raise self._misuse("detune")
        _, name = self._one_of("detune", words, (), self.bench.names("laser"))
        self.bench.laser(name).set_detuning_hertz(parse_quantity(words[0], FREQUENCY))

    def _oven(self, words: Words) -> None:
        if len(words) != 1:
            raise self._misuse("oven")
        self.bench.set_oven(None if words[0] == "off" else parse_quantity(words[0], TEMPERATURE))

    def _exposure(self, words: Words) -> None:
        if len(words) != 2:
            raise self._misuse("exposure")
        camera = self.bench.camera(self._camera_name(words[0]))
        camera.set_exposure_seconds(parse_quantity(words[1], TIME, "positive"))

    def _regions(self, words: Words) -> None:
        if len(words) not in (3, 5):
            raise self._misuse("regions")
        camera = self.bench.camera(self._camera_name(words[0]))
        numbers = [_count("regions", one) for one in words[1:]]
        if len(numbers) == 4:
            camera.set_regions([Region(*numbers)])
            return
        down, across = numbers
        if not 0 < down <= camera.rows or not 0 < across <= camera.columns:
            raise SettingsError(
                f"{words[0]}: {down} x {across} regions asked for; it has {camera.rows} x "
                f"{camera.columns} pixels"
            )
        height, width = camera.rows // down, camera.columns // across
        camera.set_regions(
            [
                Region(row * height, column * width, height, width)
                for row in range(down)
                for column in range(across)
            ]
        )

    def _dark(self, words: Words) -> None:
        if list(words) == ["off"]:
            self.dark = DarkLevels()
        elif words:
            raise self._misuse("dark")
        else:
            self.dark = take_dark(self.bench)

    def _read(self, words: Words) -> None:
        names = self._readable(words)
        reading = take_reading(self.bench, names, self.dark)
        self.tables.print_reading(reading, in_full=len(names) == 1)

    def _watch(self, words: Words) -> None:
        count: int | None = None
        rest = list(words)
        if rest and rest[-1].isdecimal():
            count = int(rest.pop())
        names = self._readable(rest)
        self.tables.watch(lambda: take_reading(self.bench, names, self.dark), count)

    def _fringes(self, words: Words) -> None:
        if len(words) != 1:
            raise self._misuse("fringes")
        self.tables.print_fringes(measure_fringes(self.bench, words[0], self.dark))

    def _status(self, words: Words) -> None:
        self.tables.print_standing(standing(self.bench))

    def _safe(self, words: Words) -> None:
        self.tables.say(str(self.bench.light.bench.make_safe()))
        self.bench.held.clear()
        self.bench.shown.clear()

    def _help(self, words: Words) -> None:
        self.tables.print_help([(one.usage, one.meaning) for one in self.kinds.values()])

    def _nothing(self, words: Words) -> None:
        pass

    # What words mean -------------------------------------------------------------------------

    def _misuse(self, word: str, wrong: str | None = None) -> SettingsError:
        found = "" if wrong is None else f"found '{wrong}'; "
        return SettingsError(f"{word}: {found}write '{self.kinds[word].usage}'")

    def _named(self, word: str, words: Words, names: list[str]) -> tuple[str, Words]:
        """Return the name in front of words; where there is only one it need not be said."""
        if words and words[0] in names:
            return words[0], words[1:]
        if len(names) == 1:
            return names[0], words
        if not names:
            raise SettingsError(f"{word}: there is nothing of that kind on this bench")
        raise SettingsError(f"{word}: say which: {listed(names)}")

    def _one_of(self, word: str, words: Words, allowed: Words, names: list[str]) -> tuple[str, str]:
        """Return the first word, which has to be allowed, and the name behind it."""
        if not words or (allowed and words[0] not in allowed) or len(words) > 2:
            raise self._misuse(word, words[0] if words else None)
        name, rest = self._named(word, words[1:], names)
        if rest:
            raise SettingsError(f"{word}: there is no '{rest[0]}'; there are: {listed(names)}")
        return words[0], name

    def _camera_name(self, word: str) -> str:
        names = self.bench.names("camera")
        if word not in names:
            raise SettingsError(
                f"there is no camera '{word}'; there are: {listed(names)}{nearest(word, names)}"
            )
        return word

    def _readable(self, words: Words) -> list[str]:
        there = everything(self.bench)
        for word in words:
            if word not in there:
                hint = nearest(word, there)
                raise SettingsError(
                    f"nothing to read at '{word}'{hint}; there are: {listed(there)}"
                )
        return list(words)


def _count(word: str, text: str) -> int:
    if not text.isdecimal():
        raise SettingsError(f"{word}: found '{text}'; give a number, counted from 0")
    return int(text)


def _with_unit(words: Words, kind: QuantityKind) -> tuple[float | None, Words]:
    """Return the quantity at the end of words, if the last one is more than a number or a name."""
    last = words[-1] if words else ""
    if last.isdecimal() or not (last[:1].isdecimal() or last[:1] in "+-."):
        return None, words
    return parse_quantity(last, kind), words[:-1]
