"""Every channel of an emitter swept alone, and which of them do not follow their curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from protocols.calibration.emitter_view import EmitterView
from protocols.calibration.fitting import Acceptance, EachFit
from protocols.calibration.results import ProtocolResult, listed_channels
from protocols.calibration.session import CalibrationSession

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

DEAD = 0.02
"""A channel whose swing is below this share of the median is dead."""

_MOST_BAD = 0.05
"""Share of channels that may be worked round; with more of them bad the fit is refused."""

_ACCEPTANCE = Acceptance()


@dataclass
class Sweep:
    """Curves of every channel: its drive ``[k]``, signal ``[k, n]`` and its noise ``[n]``."""

    drive: Floats
    signal: Floats
    noise: Floats


def sweep_channels(
    session: CalibrationSession, view: EmitterView, levels: Floats, shape: Floats
) -> Sweep:
    """Sweep every channel of an emitter alone, the others at rest.

    Parameters
    ----------
    levels, shape
        ``[k]`` what a channel is driven with, and about what light that gives, by which the
        detectors are weighed: by how much each sees of the channel.
    """
    light = session.light
    rest = light.rest_volts[view.emitter]
    count, steps = rest.size, levels.size
    drive = np.tile(rest, (steps * count, 1))
    for channel in range(count):
        drive[channel * steps : (channel + 1) * steps, channel] = levels
    read = light.take({view.emitter: drive}, [view.bank])[view.bank].astype(np.float64)
    state = session.banks[view.bank]
    now = session.noise_in_light(view.bank)
    # [channel, level, detector], relative to the mean over levels.
    cube = read.reshape(count, steps, -1)
    if view.weights is None:
        signal = np.stack([cube[channel, :, channel] for channel in range(count)], axis=1)
        return Sweep(levels, signal, now[:count])
    cube = cube[:, :, state.usable]
    centred = cube - cube.mean(axis=1, keepdims=True)
    noise = now[state.usable]
    weights = np.einsum("k,ckd->cd", shape - shape.mean(), centred) / noise**2
    norms = np.abs(weights * noise).sum(axis=1)
    weights /= np.maximum(norms, 1e-300)[:, np.newaxis]
    signal = np.einsum("cd,ckd->kc", weights, cube - state.offset_volts[state.usable])
    return Sweep(levels, signal, np.sqrt((weights**2 * noise**2).sum(axis=1)))


def refused_channels(
    result: ProtocolResult, sweep: Sweep, fits: EachFit, dead: Flags, channel: str = "channel"
) -> Flags:
    """Return which channels ``[n]`` do not follow their curve; the result says so.

    Parameters
    ----------
    result
        Refused if there are too many of them.
    fits
        Of the curves; the first parameter is the amplitude.
    dead
        ``[n]`` channels that are not looked at.
    channel
        What a channel is called.
    """
    refused: Flags = np.zeros(dead.size, np.bool_)
    worst = ""
    for number in np.flatnonzero(~dead).tolist():
        share = float(sweep.noise[number] / abs(fits.parameters[number, 0]))
        reason = _ACCEPTANCE.reason_against(fits.one(number), share)
        if reason:
            refused[number] = True
            worst = worst or f"{channel} {number}: {reason}"
    if refused.sum() > _MOST_BAD * refused.size:
        result.refuse(f"{refused.sum()} of {refused.size} {channel}s do not fit, {worst}")
    elif refused.any():
        result.notes.append(f"does not fit and is not used: {listed_channels(refused)}, {worst}")
    return refused
