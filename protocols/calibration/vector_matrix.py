"""Vector-matrix multiplication: what every row and column of blocks really weighs, both ways.

Random weights are shown through the measured curves, every input is lit with both signs, and what
the taps read is compared with what the blocks should make: ``M_ji = g_j h_i c_ji``. Row and column
gains hold the slit's apodisation, the beams' losses, the spread of amplifiers and detectors. The
scale they leave open is shared out as ``docs/decisions/0004-scales.md`` has it.

Backward, errors are injected instead. Where the same modes are used both ways the matrix is the
transpose; how far it is after the best diagonal factors on both sides is the reciprocity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from instruments.calibration.weight_bank import WeightBankTable
from protocols.calibration.fitting import Acceptance, Fit, fit_sparse, repeats_for
from protocols.calibration.injection import Injection, backward_banks
from protocols.calibration.registration import stage_level
from protocols.calibration.results import Curve, ProtocolResult, listed_channels
from protocols.calibration.session import CalibrationSession
from protocols.calibration.slit_centre import report_slit
from protocols.calibration.stage_drive import StageDrive, measuring_gain

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

NAME = "vector-matrix"

_FRAMES = 4
_WANTED = 1e-3
"""Relative uncertainty of a row's or column's gain for the sake of which readings are repeated."""

_MOST_REPEATS = 32
_LARGEST = 0.95
"""Of what a block holds; amplitudes near 1 tell gains, those near 1/2 whether curves are right."""

_LARGEST_AT_HALF = 0.01
_ACCEPTANCE = Acceptance(largest_misfit=0.01)
_RECIPROCITY = Acceptance(largest_misfit=0.05)


@dataclass
class RankOne:
    """``M_fji = rows_j columns_i P_fji`` fitted to frames ``[F, J, n]``; columns average 1."""

    rows: Floats
    columns: Floats
    fit: Fit
    residuals: Floats
    known_rows: Flags
    known_columns: Flags

    @property
    def row_sigmas(self) -> Floats:
        """One standard deviation of the row factors."""
        return self.fit.sigmas[: self.rows.size]

    @property
    def column_sigmas(self) -> Floats:
        """One standard deviation of the column factors."""
        return self.fit.sigmas[self.rows.size :]


def fit_rank_one(measured: Floats, predicted: Floats, noise: Floats, usable: Flags) -> RankOne:
    """Fit row and column factors.

    Parameters
    ----------
    measured, predicted
        ``[F, J, n]``.
    noise
        ``[J]`` rms of the entries of a row.
    usable
        ``[J]`` rows that can be trusted. Columns without a response are found here.
    """
    frames, outputs, inputs = measured.shape
    size = np.sqrt(np.mean(measured[:, usable] ** 2, axis=0))
    lit = np.median(size, axis=0) > 0.02 * np.median(size)
    alive = usable[:, np.newaxis] & lit
    weights = np.where(alive, 1.0 / noise[:, np.newaxis], 0.0)
    rows = np.ones(outputs)
    columns = np.ones(inputs)
    for _ in range(3):
        scaled = predicted * columns
        rows = _ratio((scaled * measured * alive).sum((0, 2)), (scaled**2 * alive).sum((0, 2)))
        scaled = predicted * rows[:, np.newaxis]
        columns = _ratio((scaled * measured * alive).sum((0, 1)), (scaled**2 * alive).sum((0, 1)))
        mean = columns[lit].mean()
        columns, rows = np.where(lit, columns / mean, 1.0), np.where(usable, rows * mean, 1.0)
    start = np.concatenate([rows, columns])
    row = np.broadcast_to(np.arange(outputs)[:, np.newaxis], (frames, outputs, inputs))
    column = np.broadcast_to(outputs + np.arange(inputs), (frames, outputs, inputs))
    places = np.stack([row[:, alive], column[:, alive]], axis=-1).reshape(-1)
    pointers = np.arange(places.size // 2 + 1) * 2

    def model(p: Floats) -> tuple[Floats, sparse.csr_array]:
        own_rows, own_columns = p[:outputs, np.newaxis], p[outputs:]
        weighed = predicted * weights
        residuals = own_rows * own_columns * weighed - measured * weights
        entries = np.stack([own_columns * weighed, own_rows * weighed], axis=-1)
        flat = entries[:, alive].reshape(-1)
        shape = (places.size // 2, p.size)
        return residuals[:, alive].ravel(), sparse.csr_array((flat, places, pointers), shape=shape)

    gauges = [np.concatenate([np.zeros(outputs), np.ones(inputs)])]
    for place in np.flatnonzero(np.concatenate([~usable, ~lit])):
        one = np.zeros(start.size)
        one[place] = 1.0
        gauges.append(one)
    found = fit_sparse(model, start, np.stack(gauges))
    residuals = np.zeros(measured.shape)
    residuals[:, alive] = found.residuals.reshape(frames, -1)
    p = found.parameters
    return RankOne(p[:outputs], p[outputs:], found, residuals, usable.copy(), lit)


def _ratio(above: Floats, below: Floats) -> Floats:
    ratio = np.ones_like(above)
    np.divide(above, below, out=ratio, where=below > 0.0)
    return ratio


def calibrate_forward(session: CalibrationSession, stage: str) -> list[ProtocolResult]:
    """Measure the signed matrix of a stage and its row and column gains."""
    result = ProtocolResult(NAME, stage)
    light, hardware = session.light, session.hardware(stage)
    bank = session.forward_bank(stage)
    light.open_arms("reference", "forward")
    drive = StageDrive(session, stage, stage_level(session, stage))
    gain = measuring_gain(session, stage, drive.level, 0.35)
    hardware.set_field_gain(gain)
    old = hardware.bank
    frames = [_random_blocks(session, stage) for _ in range(_FRAMES)]
    predicted = []
    for shown in frames:
        gratings = old.coefficient_weights(*shown, gain) * session.column_light(stage)
        seen = seen_by_taps(session, bank, gratings)
        if drive.quadrature is not None:
            seen = seen + seen_by_taps(session, bank, 1j * gratings) @ drive.quadrature
        predicted.append(seen)
    light.show(stage, *frames[0])
    usable = session.banks[bank].usable[: old.rows]
    repeats = _repeats(session, bank, drive, np.stack(predicted), usable)
    volts = []
    for shown in frames:
        light.show(stage, *shown)
        volts.append(drive.expose([bank], repeats)[bank])
    measured = np.stack([drive.matrix(one) for one in volts])[:, : old.rows]
    noise = drive.noise(bank, repeats)[: old.rows]
    drive.close()
    light.open_arms("reference", "forward", "backward")
    found = fit_rank_one(measured, np.stack(predicted), noise, usable)
    block = np.abs(np.median(found.rows[usable])) * old.full_scale * gain
    reason = _ACCEPTANCE.reason_against(found.fit, float(np.median(noise) / block))
    result.refuse(reason)
    session.anchors[stage] = gain
    response = session.tables.taps[bank].volts_per_field[: old.rows]
    own = _ratio(found.rows, response)
    scale = float(np.abs(own[usable]).mean())
    rows = np.where(usable, own / scale, 1.0)
    columns = np.where(found.known_columns, found.columns, 1.0)
    relative_rows = found.row_sigmas / np.maximum(np.abs(found.rows), 1e-300)
    relative_rows = np.hypot(relative_rows, session.wander(bank, old.rows))
    column_sigmas = np.hypot(found.column_sigmas, drive.inputs_wander())
    column_sigmas = np.hypot(column_sigmas, session.saturation_share(stage))
    table = WeightBankTable(
        rows,
        columns,
        old.full_scale * scale,
        old.period,
        old.phase_radians,
        old.region_of_block if old.phase_radians is not None else None,
        old.cross_talk,
        provenance=session.provenance(old.instrument),
        covariance={
            **old.covariance,
            "row_gains": np.square(np.where(usable, rows * relative_rows, 0.0)),
            "column_gains": np.square(np.where(found.known_columns, column_sigmas, 0.0)),
        },
    )
    result.tables.append((stage, table))
    negative = usable & (rows < 0.0)
    if negative.any():
        result.notes.append(f"{bank}: reads the other sign: row {listed_channels(negative)}")
    _report_forward(result, stage, found, measured, np.stack(predicted), block)
    report_slit(result, columns, found.known_columns, session.slit_centres.get(stage))
    loss = -20.0 * np.log10(table.full_scale)
    result.add("fan-out, fan-in and losses", loss, unit="dB")
    return [result]


def _repeats(
    session: CalibrationSession, bank: str, drive: StageDrive, predicted: Floats, usable: Flags
) -> int:
    """Return how often to read a frame, given what ``[F, J, n]`` of it should be seen."""
    frames, rows, columns = predicted.shape
    response = np.abs(session.tables.taps[bank].volts_per_field[:rows])
    signal = float(np.median(response[usable]) * np.sqrt(np.mean(predicted**2)))
    readings = frames * min(int(usable.sum()), columns)
    noise = float(np.median(drive.noise(bank)[:rows][usable])) / np.sqrt(readings)
    return repeats_for(noise, signal, _WANTED, _MOST_REPEATS)


def seen_by_taps(
    session: CalibrationSession, bank: str, weights: npt.NDArray[np.complex128]
) -> Floats:
    """Return what taps make of ``[rows, columns]``, relative to how they see what is in phase."""
    phases = np.zeros(len(weights))
    known = session.tap_phases.get(bank, phases)[: phases.size]
    phases[: known.size] = known
    seen: Floats = weights.real + np.tan(phases)[:, np.newaxis] * weights.imag
    return seen


def _random_blocks(
    session: CalibrationSession, stage: str
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint16]]:
    """Return depths and offsets of random amplitudes, signs included, whatever gains are."""
    hardware = session.hardware(stage)
    drawn = session.generator.uniform(-_LARGEST, _LARGEST, hardware.geometry.shape)
    weights = drawn * np.asarray(hardware.bank.largest_weights(hardware.field_gain))
    shown = hardware.encode(weights.astype(np.float32))
    return shown.depth, shown.offset


def _report_forward(
    result: ProtocolResult,
    stage: str,
    found: RankOne,
    measured: Floats,
    predicted: Floats,
    block: float,
) -> None:
    result.add("reduced chi-square", found.fit.reduced_chi_square)
    gains = found.rows[:, np.newaxis] * found.columns
    fitted = gains * predicted
    left = (measured - fitted) / block
    alive = found.known_rows[:, np.newaxis] & found.known_columns
    result.add("rms left, of a bright block", float(np.sqrt(np.mean(left[:, alive] ** 2))))
    amplitude = np.abs(fitted) / block
    middle = (amplitude > 0.4) & (amplitude < 0.6) & alive
    if middle.any():
        power = float((fitted**2)[middle].sum())
        slope = float((measured * fitted)[middle].sum()) / power
        sigma = block * float(np.sqrt(np.mean(left[:, alive] ** 2) / power))
        result.add("response at amplitude 1/2, relative", slope, sigma)
        if abs(slope - 1.0) > max(_LARGEST_AT_HALF, 4.0 * sigma):
            result.refuse(
                f"blocks of half the amplitude weigh {slope:.3f} of what the curves say; measure "
                "the panel again"
            )
    own = _ratio((measured * fitted).sum(axis=0), (fitted**2).sum(axis=0))
    odd = alive & (np.abs(own - 1.0) > 0.5)
    if odd.any():
        result.notes.append(f"dead blocks: {listed_channels(odd)}")
    if not found.known_rows.all():
        result.notes.append(
            f"rows without a living tap, taken as average: {listed_channels(~found.known_rows)}"
        )
    if not found.known_columns.all():
        result.notes.append(f"columns without light: {listed_channels(~found.known_columns)}")
    result.curves.append(
        Curve(
            f"{stage}, measured against shown",
            (fitted[0][alive] / block),
            (measured[0][alive] / block),
            (fitted[0][alive] / block),
            "block as shown",
            "block as measured",
        )
    )
    result.curves.append(
        Curve(
            f"{stage}, column gains",
            np.arange(found.columns.size, dtype=np.float64),
            found.columns,
            None,
            "column",
            "gain",
        )
    )


def calibrate_backward(session: CalibrationSession, stage: str) -> list[ProtocolResult]:
    """Measure the matrix on the way back, the backward taps and the injector's scale."""
    section = session.section(stage)
    name = section.injector
    if name is None:
        return []
    result = ProtocolResult(NAME, f"{stage}, backward")
    injection = Injection(session, stage, name)
    banks = backward_banks(session, stage)
    if not banks:
        result.notes.append("no backward taps")
        return [result]
    frames = [injection.random_frame(list(banks)) for _ in range(_FRAMES)]
    direct = section.taps.delta
    straight = injection.straight(direct) if direct is not None else None
    noises = {bank: injection.noise(bank) for bank in banks}
    injection.close()
    encoder = session.tables.encoders[name]
    ratios = np.ones(encoder.channels)
    nearest = True
    covariances: dict[str, Floats] = {}
    for bank in banks:
        measured = np.stack([frame.read[bank] for frame in frames])
        predicted = np.stack([frame.predicted[bank] for frame in frames])
        usable = session.banks[bank].usable[: measured.shape[1]]
        noise = noises[bank][: measured.shape[1]]
        found = fit_rank_one(measured, predicted * (1.0 if nearest else ratios), noise, usable)
        block = float(np.sqrt(np.mean((found.rows[:, np.newaxis] * predicted) ** 2)))
        result.refuse(
            _RECIPROCITY.reason_against(found.fit, float(np.median(noise[usable])) / block)
        )
        left = measured - found.rows[:, np.newaxis] * found.columns * predicted * (
            1.0 if nearest else ratios
        )
        alive = usable[:, np.newaxis] & found.known_columns
        result.add(
            f"{bank}, reciprocity ||W_f - D1 W_b^T D2|| / ||W_f||",
            float(np.linalg.norm(left[:, alive]) / np.linalg.norm(measured[:, alive])),
        )
        floor = np.sqrt(np.mean(np.square(noise[usable])) / np.mean(measured[:, alive] ** 2))
        result.add(f"{bank}, of which the noise of readings would make", float(floor))
        result.add_spread(f"{bank}, diagonal of taps", found.rows[usable], found.row_sigmas[usable])
        if nearest:
            ratios = np.where(found.known_columns, found.columns, 1.0)
            result.add_spread(
                f"{bank}, diagonal of injectors",
                ratios[found.known_columns],
                found.column_sigmas[found.known_columns],
            )
            nearest = False
        covariances[bank] = np.square(found.row_sigmas)
        _store_backward(session, result, bank, found.rows)
    if straight is not None and direct is not None:
        response = session.tables.taps[direct].volts_per_field.copy()
        response[: straight.size] = straight / ratios[: straight.size]
        _store_backward(session, result, direct, response)
    _store_injector(session, result, name, ratios)
    return [result]


def _store_backward(
    session: CalibrationSession, result: ProtocolResult, bank: str, rows: Floats
) -> None:
    """Take on the measured response of a backward bank, signs included."""
    response = session.tables.taps[bank].volts_per_field.copy()
    response[: rows.size] = rows
    negative = session.banks[bank].usable & (response < 0.0)
    if negative.any():
        result.notes.append(f"{bank}: negative sign at {listed_channels(negative)}")
    result.tables.append((bank, session.tap_table(bank, volts_per_field=response)))


def _store_injector(
    session: CalibrationSession, result: ProtocolResult, name: str, ratios: Floats
) -> None:
    """Share the diagonal of the injectors out; raise the common scale if a channel falls short."""
    old = session.tables.encoders[name]
    full = old.field_at_full * ratios
    offset = old.offset * ratios
    shared_out = old.rescaled(full, offset, provenance=session.provenance(name))
    lowest, highest = shared_out.fields_within(*session.light.drive_within(name))
    alive = full != 0.0
    reach = float(np.minimum(highest, -lowest)[alive].min()) if alive.any() else np.inf
    wanted = 1.02 * session.light.file.optics.probe_limit
    scale = 1.0
    nominal_reach = float(np.median(np.abs(old.field_at_full)))
    if 0.0 < reach < wanted <= nominal_reach:
        # The unit of backward fields is free: it is stretched rather than that errors are clipped.
        scale = wanted / reach
    covariance = {
        **old.covariance,
        "offset": old.covariance.get("offset", np.zeros(old.channels)) * (ratios * scale) ** 2,
    }
    table = old.rescaled(
        full * scale,
        offset * scale,
        provenance=session.provenance(name),
        covariance=covariance,
    )
    if scale != 1.0:
        tables = []
        for bank, one in result.tables:
            response = one.values["volts_per_field"] / scale
            tables.append((bank, session.tap_table(bank, volts_per_field=response)))
        result.tables = [*tables]
        result.notes.append(f"unit of backward fields stretched by {scale:.3f}")
    result.tables.append((name, table))
