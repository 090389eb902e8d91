"""The twin a bench file describes: its layout with nominal properties, and its section ``[twin]``.

All simulated instruments of a bench share it. It is built when the first of them is opened, with
everything dark, shut and cold as instruments are before they are switched on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from pydantic import BaseModel

from instruments.bench_file.placement import emitter_channels, tap_channels
from instruments.bench_file.problems import Problem, refuse, validate_section
from instruments.bench_file.schema import BenchFile
from instruments.bench_file.stage_sections import StageSection
from instruments.interfaces.mirror_device import stripe_orders
from instruments.opening import OpeningRequest
from sim_backends.optics.data_converters import step_size
from sim_backends.optics.homodyne import photons
from sim_backends.simulated.settings import (
    CameraSettings,
    ModulatorArraySettings,
    OpticalAmplifierSettings,
    PhotodetectorArraySettings,
    SpatialLightModulatorSettings,
    TemperatureControllerSettings,
)
from sim_backends.simulated.stand_ins import stand_in
from sim_backends.twin.imperfections import Imperfections
from sim_backends.twin.layout import (
    AbsorberLayout,
    AmplifierLayout,
    CameraLayout,
    DetectorLayout,
    MirrorLayout,
    ModulatorLayout,
    PanelLayout,
    Port,
    StageLayout,
    TwinLayout,
)
from sim_backends.twin.twin import Twin

Model = TypeVar("Model", bound=BaseModel)

_NO_ABSORBER = AbsorberLayout("absorber", "eq4", 0.0)
_OVEN_CELSIUS = 75.0

SPOT_RADIUS = 0.3
"""Radius of a spot on a camera in pitches, to 1/e^2 of its intensity."""


def shared_twin(request: OpeningRequest[Any]) -> Twin:
    """Return the twin of the bench an instrument is opened for.

    Raises
    ------
    BenchFileError
        As of ``twin_of_bench``.
    """
    return request.shared.get("twin", lambda: twin_of_bench(request.bench))


def twin_of_bench(bench: BenchFile) -> Twin:
    """Build the twin of a bench, switched off.

    Raises
    ------
    BenchFileError
        If the section ``[twin]`` or the settings of an instrument in the light's path are not
        right, or do not say enough of one that is not simulated.
    """
    twin = Twin(twin_layout(bench), twin_imperfections(bench))
    lamp = main_laser(bench)
    if lamp is not None:
        twin.set_laser(enabled=False, detuning_hertz=0.0)
    for arm in (bench.arms.forward, bench.arms.backward, bench.arms.reference):
        if arm.shutter is not None:
            twin.set_shutter(arm.shutter, False)
    if bench.absorber is not None and bench.absorber.oven is not None:
        oven = _settings(bench, bench.absorber.oven, TemperatureControllerSettings)
        twin.set_oven(oven.ambient)
    return twin


def main_laser(bench: BenchFile) -> str | None:
    """Return the laser all light comes from: the absorber's, or else the only one there is."""
    if bench.absorber is not None and bench.absorber.laser is not None:
        return bench.absorber.laser
    lasers = [name for name, one in bench.instruments.items() if one.kind == "laser"]
    return lasers[0] if len(lasers) == 1 else None


def twin_imperfections(bench: BenchFile) -> Imperfections:
    """Return the section ``[twin]``; ``perfect = true`` in it switches off all that is not named.

    Raises
    ------
    BenchFileError
        Naming the key, what was found and what is allowed.
    """
    table = dict(bench.twin)
    perfect = table.pop("perfect", False)
    if not isinstance(perfect, bool):
        refuse(bench.origin, [Problem("twin.perfect", f"found {perfect!r}; true or false")])
    if perfect:
        for section, values in Imperfections.perfect().model_dump(mode="json").items():
            named = table.get(section, {})
            if isinstance(values, dict) and isinstance(named, Mapping):
                table[section] = {**values, **named}
    return validate_section(bench.origin, Imperfections, table, "twin")


def twin_layout(bench: BenchFile) -> TwinLayout:
    """Return what the twin has to know of a bench.

    Raises
    ------
    BenchFileError
        If the settings of an instrument in the light's path do not say enough.
    """
    optics, exposure, arms = bench.optics, bench.exposure, bench.arms
    modulators: dict[str, ModulatorLayout] = {}
    mirrors: dict[str, MirrorLayout] = {}
    detectors: dict[str, DetectorLayout] = {}
    cameras: dict[str, CameraLayout] = {}
    panels: dict[str, PanelLayout] = {}
    amplifiers: dict[str, AmplifierLayout] = {}
    for stage in bench.stages.values():
        for name in (stage.inputs, stage.emitter, stage.injector):
            if name in bench.mirrors:
                mirrors[name] = _mirrors(bench, name)
            elif name is not None:
                modulators[name] = _modulators(bench, name)
        for name in stage.taps.present().values():
            if bench.instruments[name].kind == "camera":
                # What a bank is to the light: phases, gains, reflections.
                detectors[name] = DetectorLayout(tap_channels(bench, name), 1.0, 0.0, 0.0)
                cameras[name] = _camera(bench, name)
            else:
                detectors[name] = _detectors(bench, name)
        if stage.amplifier is not None:
            amplifiers[stage.amplifier] = _amplifier(bench, stage.amplifier)
        panels[stage.weights] = _panel(bench, stage)
    window_photons = photons(optics.saturation_power, exposure.window, optics.wavelength)
    return TwinLayout(
        stages=tuple(_stage(bench.stages[name]) for name in _in_light_order(bench)),
        modulators=modulators,
        mirrors=mirrors,
        detectors=detectors,
        cameras=cameras,
        panels=panels,
        amplifiers=amplifiers,
        absorber=_absorber(bench),
        photons_per_field=float(window_photons),
        saturation_watts=optics.saturation_power,
        shot_period_seconds=exposure.shot_period,
        pump_shutter=arms.forward.shutter,
        probe_shutter=arms.backward.shutter,
        reference_shutter=arms.reference.shutter,
    )


def _in_light_order(bench: BenchFile) -> list[str]:
    """Return the stages as light meets them: by the first layer each one serves."""
    order = list(dict.fromkeys(bench.network.stages))
    return order + [name for name in bench.stages if name not in order]


def _stage(stage: StageSection) -> StageLayout:
    blocks = stage.blocks
    return StageLayout(
        inputs=blocks.columns,
        outputs=blocks.rows,
        panel=stage.weights,
        # Fan-out and fan-in of free space, and what lenses, slit and panel pass.
        full_scale=math.sqrt(stage.transmission / (blocks.rows * blocks.columns)),
        source=stage.inputs,
        amplifier=stage.amplifier,
        absorber=stage.absorber,
        emitter=stage.emitter,
        injector=stage.injector,
        taps=cast(Mapping[Port, str], stage.taps.present()),
    )


def _absorber(bench: BenchFile) -> AbsorberLayout:
    absorber = bench.absorber
    if absorber is None:
        return _NO_ABSORBER
    celsius = absorber.oven_temperature
    return AbsorberLayout(
        absorber.kind,
        absorber.model,
        absorber.optical_depth,
        _OVEN_CELSIUS if celsius is None else celsius,
    )


def _modulators(bench: BenchFile, name: str) -> ModulatorLayout:
    own = _settings(bench, name, ModulatorArraySettings)
    step = step_size(own.full_scale, own.bits)
    return ModulatorLayout(own.channels, own.half_wave_voltage, own.field_at_full, step)


def _mirrors(bench: BenchFile, name: str) -> MirrorLayout:
    own = bench.mirrors[name]
    largest = 1.0
    if own.carrier is not None:
        largest = float(stripe_orders(own.blocks.height, own.carrier).real.max())
    return MirrorLayout(
        emitter_channels(bench, name), own.field_at_full, largest, own.carrier is not None
    )


def _detectors(bench: BenchFile, name: str) -> DetectorLayout:
    own = _settings(bench, name, PhotodetectorArraySettings)
    step = step_size(own.full_scale, own.bits)
    return DetectorLayout(own.channels, own.volts_per_field, own.full_scale, step)


def _camera(bench: BenchFile, name: str) -> CameraLayout:
    own, section = _settings(bench, name, CameraSettings), bench.taps[name]
    assert section.regions is not None
    regions = section.regions.regions(tap_channels(bench, name))
    centres = tuple(
        (one.row + (one.height - 1) / 2, one.column + (one.width - 1) / 2) for one in regions
    )
    side = min(section.regions.height, section.regions.width)
    fringes = section.fringes if section.estimator == "off-axis camera" else None
    return camera_layout(own, centres, SPOT_RADIUS * side, own.reference_counts, fringes)


def camera_layout(
    own: CameraSettings,
    centres: tuple[tuple[float, float], ...],
    spot_radius: float,
    reference_counts: float,
    fringes: tuple[float, float] | None,
) -> CameraLayout:
    """Return what a twin has to know of a camera with these spots."""
    return CameraLayout(
        own.rows,
        own.columns,
        centres,
        spot_radius,
        own.counts_per_power,
        reference_counts,
        fringes or (0.0, 0.0),
        own.black_level,
        own.full_well,
        own.read_noise,
        own.electrons_per_count,
    )


def _amplifier(bench: BenchFile, name: str) -> AmplifierLayout:
    own = _settings(bench, name, OpticalAmplifierSettings)
    return AmplifierLayout(
        own.channels, own.transparency_current, own.scale_current, own.highest_gain
    )


def _panel(bench: BenchFile, stage: StageSection) -> PanelLayout:
    own = _settings(bench, stage.weights, SpatialLightModulatorSettings)
    return PanelLayout(own.rows, own.columns, own.levels_per_wave, stage.blocks.period)


def _settings(bench: BenchFile, name: str, model: type[Model]) -> Model:
    """Return what a data sheet says of an instrument in the light, simulated or not."""
    section = stand_in(bench, name)
    return validate_section(bench.origin, model, section.settings, f"instruments.{name}.settings")
