"""Small measurements of what drifts on a bench, each through its instruments in some hundred shots.

What a table says is compared with what is found now: whether the spots on cameras are where they
are read, whether modulators are dark where they should be, how much light gets through the
weights, whether half a weight is half as much light as a whole one (the amplitude that a look-up
table gone wrong spoils most), how deep the absorber is, whether weights are the same both ways,
and by how much the reference phases have turned, which is taken back there and then. Weights are
shown again as they were afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import numpy as np
import numpy.typing as npt

from instruments.bench import Bench
from instruments.bench_file.schema import BenchFile
from instruments.calibration.encoder import EncoderTable
from instruments.calibration_light import CalibrationLight
from instruments.camera_taps import CameraTaps
from instruments.network import Array
from protocols.calibration import (
    absorber,
    camera_registration,
    modulators,
    spatial_light_modulator,
    vector_matrix,
)
from protocols.calibration.session import CalibrationSession
from protocols.health.reciprocity import measure_reciprocity
from protocols.health.table_twin import TableTwin, tables_of

Floats = npt.NDArray[np.float64]

SAMPLES = 64
_REST_SHOTS = 16
_SWING = 0.6
"""Share of the half-wave voltage to which a channel swings on either side of its null."""

_WHOLE, _HALF = 0.9, 0.45
"""Weights as a share of the largest a block holds."""

_FILLED = 0.5
"""Share of their range that detectors are to fill at most."""

_PILOT_SIGMA_RADIANS = 0.01
_RECIPROCITY = "reciprocity"

_ALLOWED_PHASE_RADIANS = 0.5
"""Between two pilots: a reading then keeps nine tenths of its size."""

_ALLOWED_SHIFT_PIXELS = 1.0
"""Of the spots on a camera: regions are moved by whole pixels anyway."""

_ALLOWED_NULL_RADIANS = 0.05
_ALLOWED_POWER = 0.2
_ALLOWED_DEPTH = 0.15
_ALLOWED_HALF_WEIGHT = 0.04
_ALLOWED_RECIPROCITY = 0.1
"""What stands still, training absorbs, many times as large; these are for what changes under it,
and for weights that were trained before the change."""


@dataclass(frozen=True)
class Drift:
    """How far one thing is from what the tables say.

    Attributes
    ----------
    name
        As a column of the record.
    what
        In words.
    instrument
        Whom it concerns.
    stage
        The stage it belongs to; empty for what belongs to none.
    value, sigma
        Found, with one standard deviation.
    allowed
        From which size on it matters.
    unit
        Of these; empty for shares.
    protocol
        The calibration protocol that measures it anew; empty where it was put right already.
    nominal
        Whether the table was never measured: then some of it is no drift but the bench's own.
    """

    name: str
    what: str
    instrument: str
    stage: str
    value: float
    sigma: float
    allowed: float
    unit: str = ""
    protocol: str = ""
    nominal: bool = False

    @property
    def is_beyond(self) -> bool:
        """Whether it is more than allowed, by more than noise."""
        return abs(self.value) - 2.0 * self.sigma > self.allowed

    def reading(self) -> str:
        """Return the number as a person reads it."""
        if self.unit:
            return f"{self.value:+.3f} {self.unit}"
        return f"{100 * self.value:+.1f} %"


def drift_checks(
    bench: Bench,
    inputs: Array,
    generator: np.random.Generator,
    after: Callable[[], None] | None = None,
) -> list[Drift]:
    """Make every check the bench has the ports for; weights stand as before afterwards.

    Parameters
    ----------
    inputs
        ``[B, N_0]`` samples like those in operation: a pilot has to be as bright as they are.
    generator
        Draws what is shown.
    after
        Called behind every check.
    """
    weights, point = bench.parameters(), bench.operating_point()
    found: list[Drift] = []
    try:
        for check in (
            partial(_phases, bench, inputs),
            partial(_registrations, bench, generator),
            partial(_nulls, bench, generator),
            partial(_transmissions_and_depths, bench, generator),
            partial(_reciprocities, bench, generator),
            partial(_half_weights, bench, generator),
        ):
            found += check()
            bench.write(weights, point)
            if after is not None:
                after()
    finally:
        bench.write(weights, point)
    return found


def names_of_checks(bench: Bench) -> list[str]:
    """Return the names of the checks that a bench may give, known before any is made."""
    file, names = _file(bench), []
    encoders = tables_of(bench).tables.encoders
    if bench.tracker is not None:
        names += [f"phase_{bank}" for stage in file.stages.values() for bank in _banks(stage.taps)]
    for stage in file.stages.values():
        names += [f"registration_{bank}" for bank in _banks(stage.taps) if _is_camera(bench, bank)]
    for stage in file.stages.values():
        names += [
            f"null_{one}"
            for one in (stage.inputs, stage.injector)
            if one is not None and isinstance(encoders[one], EncoderTable)
        ]
    names += [f"transmission_{layer}" for layer in range(1, len(bench.layers) + 1)]
    names += [f"optical_depth_{layer}" for layer in range(1, len(bench.layers))]
    names += [f"{_RECIPROCITY}_{layer + 1}" for layer in bench.lit_both_ways()]
    return names + [f"half_weight_{layer}" for layer in range(1, len(bench.layers) + 1)]


def column_of(name: str) -> str:
    """Return the column of the record a check goes to.

    That of reciprocity has its own name: it is a property of the optics, not a change since the
    tables were measured.
    """
    return name if name.startswith(_RECIPROCITY) else f"drift_{name}"


def _banks(taps: object) -> list[str]:
    return [bank for port in ("z", "a", "delta", "rho") if (bank := getattr(taps, port))]


def _file(bench: Bench) -> BenchFile:
    tables_of(bench)
    assert bench.file is not None
    return bench.file


def _is_nominal(bench: Bench, kind: str, name: str) -> bool:
    """Return whether the table of an instrument or stage is no measured one."""
    table = getattr(tables_of(bench).tables, kind).get(name)
    return table is None or table.provenance.source == "nominal"


def _phases(bench: Bench, inputs: Array) -> list[Drift]:
    """Show a pilot: it finds the phases of the references and takes them back."""
    found = bench.turn_references_back(inputs)
    return [
        Drift(
            name=f"phase_{bank}",
            what=f"reference of {bank}, turned back",
            instrument=bank,
            stage="",
            value=turned,
            sigma=_PILOT_SIGMA_RADIANS,
            allowed=_ALLOWED_PHASE_RADIANS,
            unit="rad",
        )
        for bank, turned in found.items()
    ]


def _is_camera(bench: Bench, bank: str) -> bool:
    return isinstance(bench.light.exposer.detectors[bank], CameraTaps)


def _registrations(bench: Bench, generator: np.random.Generator) -> list[Drift]:
    """Light a few neurons of every camera: their spots have to be where they are read."""
    file, tables, found = _file(bench), tables_of(bench).tables, []
    cameras = [bank for stage in file.stages.values() for bank in _banks(stage.taps)]
    if not any(_is_camera(bench, bank) for bank in cameras):
        return []
    light = CalibrationLight(bench, file)
    session = CalibrationSession(light, tables, generator, datetime.now(UTC).isoformat())
    for stage in light.stages:
        for port, bank in camera_registration.camera_ports(session, stage):
            moved = camera_registration.spots_moved(session, stage, port, bank)
            if moved is None:
                continue
            found.append(
                Drift(
                    name=f"registration_{bank}",
                    what=f"spots on {bank}",
                    instrument=bank,
                    stage=stage,
                    value=moved[0],
                    sigma=moved[1],
                    allowed=_ALLOWED_SHIFT_PIXELS,
                    unit="pixels",
                    protocol=camera_registration.NAME,
                    nominal=_is_nominal(bench, "camera_regions", bank),
                )
            )
    return found


def _nulls(bench: Bench, generator: np.random.Generator) -> list[Drift]:
    """Swing every modulator alone to both sides of its null: they have to be alike."""
    file = _file(bench)
    light, found = CalibrationLight(bench, file), []
    encoders = tables_of(bench).tables.encoders
    light.rest_volts = {name: table.dark_drive for name, table in encoders.items()}
    try:
        for place, (name, stage) in enumerate(file.stages.items()):
            before = list(file.stages.values())[place - 1] if place else stage
            forward = stage.taps.z or (stage.taps.a if light.can_bypass else None)
            backward = stage.taps.delta or stage.taps.rho or before.taps.delta
            for array, bank, is_forward in (
                (stage.inputs, forward, True),
                (stage.injector, backward if light.can_bypass else None, False),
            ):
                table = None if array is None else encoders[array]
                # Mirrors have no null that could drift.
                if array is None or bank is None or not isinstance(table, EncoderTable):
                    continue
                light.bypass(not is_forward or bank == stage.taps.a)
                light.open_arms("reference", "forward" if is_forward else "backward")
                value, sigma = _null(light, table, array, bank)
                found.append(
                    Drift(
                        name=f"null_{array}",
                        what=f"null of {array}",
                        instrument=array,
                        stage=name,
                        value=value,
                        sigma=sigma,
                        allowed=_ALLOWED_NULL_RADIANS,
                        unit="rad",
                        protocol=modulators.NAME,
                        nominal=_is_nominal(bench, "encoders", array),
                    )
                )
    finally:
        light.bypass(False)
        light.open_arms("reference", "forward", "backward")
    return found


def _null(
    light: CalibrationLight, table: EncoderTable, array: str, bank: str
) -> tuple[float, float]:
    """Return by how much channels are off null, rms in radians, and its standard error."""
    count, null = table.channels, table.dark_volts.astype(np.float64)
    low, high = light.volts_range(array)
    swing = np.minimum(_SWING * table.half_wave_volts, np.minimum(high - null, null - low))
    angle = 0.5 * np.pi * swing / table.half_wave_volts
    channels = np.arange(count)
    drive = np.tile(null, (_REST_SHOTS + 2 * count, 1))
    drive[_REST_SHOTS + channels, channels] += swing
    drive[_REST_SHOTS + count + channels, channels] -= swing
    read = light.take({array: drive}, [bank])[bank].astype(np.float64)
    rest, above, below = np.split(read, [_REST_SHOTS, _REST_SHOTS + count])
    noise = math.sqrt(float(np.mean(rest.var(axis=0, ddof=1))))
    seen = (above - below) / (2.0 * np.sin(angle)[:, np.newaxis])
    lopsided = 0.5 * (above + below) - rest.mean(axis=0)
    power = np.square(seen).sum(axis=1)
    lit = power > (5.0 * noise) ** 2
    if not lit.any():
        return math.nan, math.nan
    off = (lopsided * seen).sum(axis=1)[lit] / power[lit] / (np.cos(angle[lit]) - 1.0)
    # Where the table makes up for a field that never goes out, dark is not the null of the sine.
    alive = np.where(table.field_at_full == 0.0, 1.0, table.field_at_full)
    off -= np.arcsin(np.clip(-table.offset / alive, -1.0, 1.0))[lit]
    variance = (0.5 + 1.0 / _REST_SHOTS) * noise**2 / power[lit]
    variance /= np.square(np.cos(angle[lit]) - 1.0)
    mean_square = float(np.mean(np.square(off) - variance))
    spread = math.sqrt(float(np.mean(variance)) / (2.0 * lit.sum()))
    return math.sqrt(max(0.0, mean_square)), spread


def _transmissions_and_depths(bench: Bench, generator: np.random.Generator) -> list[Drift]:
    """Compare sums and activations of random inputs with what the tables let expect."""
    inputs = generator.uniform(0, 1, (SAMPLES, bench.layers[0].inputs)).astype(np.float32)
    twin = TableTwin(bench)
    passed = bench.forward(inputs)
    found = []
    for layer, read, stage in _sums(bench, inputs, passed.output, passed.unit_inputs):
        slope, sigma = _slope(twin.unit_input(layer, passed.activations[layer]), read)
        found.append(
            Drift(
                name=f"transmission_{layer + 1}",
                what=f"power through the weights of layer {layer + 1}",
                instrument=_panel(bench, stage),
                stage=stage,
                value=slope**2 - 1.0,
                sigma=2.0 * abs(slope) * sigma,
                allowed=_ALLOWED_POWER,
                protocol=vector_matrix.NAME,
                nominal=_is_nominal(bench, "weight_banks", stage),
            )
        )
    if passed.unit_inputs is not None:
        for layer, z in enumerate(passed.unit_inputs):
            stage = bench.arrangement.stage_of(layer).name
            depth, sigma = _relative_depth(twin, layer, z, passed.activations[layer + 1])
            found.append(
                Drift(
                    name=f"optical_depth_{layer + 1}",
                    what=f"optical depth behind layer {layer + 1}",
                    instrument=_oven(bench) or stage,
                    stage=stage,
                    value=depth - 1.0,
                    sigma=sigma,
                    allowed=_ALLOWED_DEPTH,
                    protocol=absorber.NAME,
                    nominal=_is_nominal(bench, "absorbers", stage),
                )
            )
    return found


def _sums(
    bench: Bench, inputs: Array, output: Array, unit_inputs: tuple[Array, ...] | None
) -> Iterator[tuple[int, Array, str]]:
    """Yield the layers whose sums were read, with them and the stage they were read at."""
    last = len(bench.layers) - 1
    for layer in range(last + 1):
        stage = bench.arrangement.stage_of(layer).name
        if layer == last:
            yield layer, output, stage
        elif unit_inputs is not None:
            yield layer, unit_inputs[layer], stage


def _panel(bench: Bench, stage: str) -> str:
    return _file(bench).stages[stage].weights


def _oven(bench: Bench) -> str | None:
    own = _file(bench).absorber
    return None if own is None else own.oven


def _slope(expected: Array, read: Array) -> tuple[float, float]:
    """Return the slope of what was read against what was expected, offsets of taps left out."""
    x = expected.astype(np.float64) - expected.mean(axis=0, dtype=np.float64)
    y = read.astype(np.float64) - read.mean(axis=0, dtype=np.float64)
    power = float(np.vdot(x, x))
    if power == 0.0:
        return math.nan, math.nan
    slope = float(np.vdot(x, y)) / power
    left = y - slope * x
    return slope, math.sqrt(float(np.vdot(left, left)) / left.size / power)


def _relative_depth(twin: TableTwin, layer: int, z: Array, a: Array) -> tuple[float, float]:
    """Return the optical depth over that of the tables: the one factor that fits all neurons best.

    The transmission at ``f`` times the depth is that at the depth to the power of ``f``, exactly
    for Eq. 4 and nearly so for small changes of any medium. Scale and offset of the taps behind
    are fitted along with it.
    """
    field, read = z.astype(np.float64), a.astype(np.float64)
    passing = twin.transmission(layer, z).astype(np.float64)
    factor, sigma = 1.0, math.nan
    for _ in range(4):
        curve = field * passing**factor
        columns = [curve * np.log(passing), curve]
        columns = [one - one.mean(axis=0) for one in columns]
        matrix = np.stack([one.ravel() for one in columns], axis=1)
        target = (read - read.mean(axis=0)).ravel()
        fit, _, rank, _ = np.linalg.lstsq(matrix, target, rcond=1e-6)
        if rank < 2 or not fit[1]:
            return math.nan, math.nan
        left = target - matrix @ fit
        covariance = np.linalg.inv(matrix.T @ matrix) * float(left @ left) / left.size
        factor += float(np.clip(fit[0] / fit[1], -0.3, 0.3))
        sigma = math.sqrt(float(covariance[0, 0])) / abs(float(fit[1]))
    return factor, sigma


def _half_weights(bench: Bench, generator: np.random.Generator) -> list[Drift]:
    """Show whole and half weights of random sign; compare how much light each lets through."""
    weights, found = bench.parameters(), []
    for layer in range(len(bench.layers)):
        hardware = bench.arrangement.stage_of(layer)
        slopes = []
        for share in (_HALF, _WHOLE):
            slopes.append(_slope_at(bench, layer, share, weights, generator))
        (half, half_sigma), (whole, whole_sigma) = slopes
        if not (math.isfinite(half) and whole):
            continue
        ratio = half / whole
        sigma = abs(ratio) * math.hypot(half_sigma / half, whole_sigma / whole)
        found.append(
            Drift(
                name=f"half_weight_{layer + 1}",
                what=f"half a weight of layer {layer + 1}",
                instrument=_panel(bench, hardware.name),
                stage=hardware.name,
                value=ratio - 1.0,
                sigma=sigma,
                allowed=_ALLOWED_HALF_WEIGHT,
                protocol=spatial_light_modulator.NAME,
                nominal=_is_nominal(bench, "weight_banks", hardware.name),
            )
        )
    return found


def _reciprocities(bench: Bench, generator: np.random.Generator) -> list[Drift]:
    """Compare the weights shown with themselves, lit from behind."""
    layers = bench.lit_both_ways()
    found = [measure_reciprocity(bench, layer, generator) for layer in layers]
    return [
        Drift(
            name=f"{_RECIPROCITY}_{layer + 1}",
            what=f"weights of layer {layer + 1} from behind, from themselves",
            instrument=_panel(bench, bench.arrangement.stage_of(layer).name),
            stage=bench.arrangement.stage_of(layer).name,
            value=one.value,
            sigma=one.sigma,
            allowed=_ALLOWED_RECIPROCITY,
        )
        for layer, one in zip(layers, found, strict=True)
    ]


def _slope_at(
    bench: Bench,
    layer: int,
    share: float,
    weights: list[Array],
    generator: np.random.Generator,
) -> tuple[float, float]:
    hardware, own = bench.arrangement.stage_of(layer), bench.layers[layer]
    reach = hardware.bank.largest_weights(hardware.field_gain)
    # Weights wider than the panel take several frames.
    largest = np.resize(reach[: own.outputs].T, (own.inputs, own.outputs)).T
    signs = generator.choice([-1.0, 1.0], largest.shape)
    shown = [one.copy() for one in weights]
    shown[layer] = (share * largest * signs).astype(np.float32)
    bench.write(shown, bench.operating_point())
    twin = TableTwin(bench)
    inputs = generator.uniform(0, 1, (SAMPLES, bench.layers[0].inputs)).astype(np.float32)
    sums = twin.forward(inputs)
    expected = sums.output if layer == len(bench.layers) - 1 else (sums.unit_inputs or ())[layer]
    bank = hardware.taps.get("z")
    if bank is None:
        return math.nan, math.nan
    table = bench.light.taps[bank]
    range_fields = table.saturation_volts / float(np.abs(table.volts_per_field).max())
    if layer == 0:
        inputs *= min(1.0, _FILLED * range_fields / max(1e-9, float(np.abs(expected).max())))
    passed = bench.forward(inputs)
    for number, read, _ in _sums(bench, inputs, passed.output, passed.unit_inputs):
        if number == layer:
            return _slope(twin.unit_input(layer, passed.activations[layer]), read)
    return math.nan, math.nan
