"""What has to fit together in a bench file: names, roles, sizes, the absorber, the safe state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from instruments.bench_file.placement import (
    PlacedLayer,
    channels_needed,
    emitter_channels,
    placed_layers,
    tap_channels,
)
from instruments.bench_file.problems import Problem, listed, nearest, refuse
from instruments.bench_file.roles import KINDS_OF_ROLE, Role, roles
from instruments.bench_file.schema import BenchFile
from instruments.errors import LimitError

LIGHT = ("laser", "shutter", "modulator_array", "mirror_device")
LEAST_FRINGES = 2.0
"""Periods of the fringes that a region of a camera holds at least."""

SUPPLIES = ("optical_amplifier", "temperature_controller", "phase_shifter_array")


def check_bench(bench: BenchFile) -> None:
    """Check that the sections of a bench file fit together.

    Raises
    ------
    BenchFileError
        If they do not. Later checks rely on earlier ones, so only what the first failing group
        found is reported.
    """
    for check in _CHECKS:
        refuse(bench.origin, check(bench))


def _names(bench: BenchFile) -> Iterator[Problem]:
    """Every stage and every instrument named exists; every stage serves a layer."""
    network = bench.network
    layers = len(network.layers) - 1
    if len(network.stages) != layers:
        yield Problem(
            "network.stages",
            f"found {len(network.stages)} stages for {layers} layers of weights; name one for "
            "each, the same again where it serves several in turn",
        )
    for index, name in enumerate(network.stages, start=1):
        if name not in bench.stages:
            yield Problem(
                f"network.stages[{index}]",
                f"there is no stage '{name}'; the file has: {listed(bench.stages)}"
                f"{nearest(name, bench.stages)}",
            )
    for name in bench.stages:
        if name not in network.stages:
            yield Problem(
                f"stages.{name}",
                "no layer uses this stage; name it in network.stages or take it out",
            )
    for role in roles(bench):
        if role.instrument not in bench.instruments:
            yield Problem(
                role.key,
                f"there is no instrument '{role.instrument}'; the file has: "
                f"{listed(bench.instruments)}{nearest(role.instrument, bench.instruments)}",
            )


def _kinds(bench: BenchFile) -> Iterator[Problem]:
    """Every role is played by an instrument of the right kind, and none plays two."""
    first_use: dict[str, str] = {}
    for role in roles(bench):
        found = bench.instruments[role.instrument].kind
        allowed = KINDS_OF_ROLE[role.name]
        if found not in allowed:
            yield Problem(
                role.key,
                f"'{role.instrument}' is a {_words(found)}; allowed: "
                f"{listed(_words(kind) for kind in allowed)}",
            )
        if role.instrument in first_use:
            yield Problem(
                role.key,
                f"'{role.instrument}' is in use already, as {first_use[role.instrument]}; an "
                "instrument has one role and its channels belong to that",
            )
        first_use.setdefault(role.instrument, role.key)
    used: list[tuple[str, object]] = []
    for name, instrument in bench.instruments.items():
        key = "address" if instrument.addresses == () else "addresses"
        for address in instrument.every_address:
            place = (instrument.driver, address, instrument.settings)
            double = next((other for other, at in used if at == place), None)
            if double is not None:
                yield Problem(
                    f"instruments.{name}.{key}",
                    f"'{address}' with the same settings is '{double}' already; two "
                    "instruments cannot be the same channels of one device",
                )
            used.append((name, place))


def _light_path(bench: BenchFile) -> Iterator[Problem]:
    """Every layer gets its inputs, and what is shown or stored in between has its instruments."""
    layers = placed_layers(bench)
    served: dict[str, list[int]] = {}
    for layer in layers:
        served.setdefault(layer.stage, []).append(layer.number)
    if not layers[0].is_emitted:
        yield _missing(layers[0], "inputs", "the first layer's inputs have to be shown")
    for before, layer in pairwise(layers):
        if layer.is_emitted:
            continue
        in_turn = [name for name in (before.stage, layer.stage) if len(served[name]) > 1]
        if in_turn:
            numbers = " and ".join(map(str, served[in_turn[0]]))
            yield Problem(
                f"stages.{layer.stage}.inputs",
                f"missing; stage '{in_turn[0]}' serves layers {numbers} in turn, so what layer "
                f"{layer.number} gets has to be stored and shown again by a modulator array",
            )
    for layer in layers:
        stage = bench.stages[layer.stage]
        if layer.is_last:
            if stage.taps.z is None:
                yield _missing(layer, "taps.z", "the outputs of the network are read there")
        elif stage.taps.a is None:
            yield _missing(
                layer, "taps.a", f"the activations of layer {layer.number} are read there"
            )


def _way_back(bench: BenchFile) -> Iterator[Problem]:
    """A bench that takes errors back at all takes them back through every layer."""
    goes_back = (
        stage.injector or stage.taps.delta or stage.taps.rho for stage in bench.stages.values()
    )
    if not any(goes_back):
        return
    layers = placed_layers(bench)
    for before, layer in pairwise(layers):
        if bench.stages[before.stage].taps.delta is None:
            yield _missing(
                before, "taps.delta", f"the errors of layer {before.number} are read there"
            )
        if layer.is_emitted:
            why = f"errors go from layer {layer.number} to layer {before.number} stored"
            if bench.stages[layer.stage].taps.rho is None:
                yield _missing(layer, "taps.rho", f"{why} and are read there")
            if bench.stages[before.stage].injector is None:
                yield _missing(before, "injector", f"{why} and are injected there")
    if len(layers) > 1 and bench.stages[layers[-1].stage].injector is None:
        yield _missing(layers[-1], "injector", "the errors at the outputs are injected there")


def _sizes(bench: BenchFile) -> Iterator[Problem]:
    """Matrices fit their blocks or can be tiled, blocks fit the panel, channels suffice."""
    layers = placed_layers(bench)
    for layer in layers:
        yield from _tiling(bench, layer, layers)
    for name, stage in bench.stages.items():
        settings = bench.instruments[stage.weights].settings
        rows, columns = settings.get("rows"), settings.get("columns")
        if type(rows) is int and type(columns) is int:
            try:
                stage.blocks.geometry.check_fits(stage.weights, rows, columns)
            except LimitError as error:
                yield Problem(f"stages.{name}.blocks", str(error))
    for name, needed in channels_needed(bench).items():
        channels = bench.instruments[name].settings.get("channels")
        if type(channels) is int and channels < needed:
            yield Problem(
                f"instruments.{name}.settings.channels",
                f"found {channels}; the layers it serves need at least {needed}",
            )


def _mirrors(bench: BenchFile) -> Iterator[Problem]:
    """Mirror devices that emit have blocks for all their neurons, and a carrier for signs."""
    emitting = {
        role.instrument: role
        for role in roles(bench)
        if bench.instruments[role.instrument].kind == "mirror_device"
    }
    for name in bench.mirrors:
        if name not in emitting:
            yield Problem(
                f"mirrors.{name}",
                f"'{name}' is no mirror device that a stage has as inputs, emitter or injector; "
                f"those are: {listed(emitting)}{nearest(name, emitting)}",
            )
    for name, role in emitting.items():
        section = bench.mirrors.get(name)
        if section is None:
            yield Problem(
                f"mirrors.{name}",
                f"missing; '{name}' is a mirror device: say which blocks of mirrors show the "
                f"neurons of {role.key}, such as blocks = {{ rows = 8, columns = 8, height = 12, "
                "width = 12 }",
            )
            continue
        blocks, needed = section.blocks, emitter_channels(bench, name)
        if blocks.rows * blocks.columns < needed:
            yield Problem(
                f"mirrors.{name}.blocks",
                f"found {blocks.rows} x {blocks.columns} blocks; {role.key} has {needed} neurons",
            )
        if section.carrier is None and _needs_signs(bench, role):
            yield Problem(
                f"mirrors.{name}.carrier",
                f"missing; {role.key} shows numbers of both signs, and mirrors without a carrier "
                f"have none: give its period in mirrors, such as {_carrier_for(blocks.width)}",
            )
        settings = bench.instruments[name].settings
        rows, columns = settings.get("rows"), settings.get("columns")
        if type(rows) is int and type(columns) is int:
            try:
                blocks.geometry.check_fits(name, rows, columns)
            except LimitError as error:
                yield Problem(f"mirrors.{name}.blocks", str(error))


def _estimators(bench: BenchFile) -> Iterator[Problem]:
    """Every tap's estimator has what it needs and tells signs."""
    tapping = {role.instrument: role for role in roles(bench) if role.name == "tap"}
    for name in bench.taps:
        if name not in tapping:
            yield Problem(
                f"taps.{name}",
                f"'{name}' taps no stage; those that do: {listed(tapping)}{nearest(name, tapping)}",
            )
    for name, role in tapping.items():
        is_camera = bench.instruments[name].kind == "camera"
        section = bench.taps.get(name)
        key = f"taps.{name}"
        if section is None:
            if is_camera:
                yield Problem(
                    key,
                    f"missing; '{name}' is a camera: say how fields are had from it, such as "
                    'estimator = "off-axis camera", with its regions and fringes',
                )
            continue
        if section.estimator == "intensity":
            yield Problem(
                f"{key}.estimator",
                f"found 'intensity'; {role.key} carries fields of both signs and an absorber "
                "passes amplitudes: give it a reference, as 'balanced homodyne', 'single port with "
                "offset' or 'off-axis camera'",
            )
        elif is_camera:
            yield from _camera_taps(bench, name, role)
        elif section.estimator == "off-axis camera":
            yield Problem(
                f"{key}.estimator",
                f"found 'off-axis camera'; '{name}' is a "
                f"{_words(bench.instruments[name].kind)}: fringes take a camera",
            )


def _camera_taps(bench: BenchFile, name: str, role: Role) -> Iterator[Problem]:
    section, key = bench.taps[name], f"taps.{name}"
    if section.estimator == "balanced homodyne":
        yield Problem(
            f"{key}.estimator",
            "found 'balanced homodyne'; a camera has one port: 'off-axis camera' or 'single port "
            "with offset'",
        )
    if section.counts_per_field is None:
        yield Problem(f"{key}.counts_per_field", "missing; a nominal table is made with it")
    if section.reference_counts is None:
        yield Problem(f"{key}.reference_counts", "missing; how strong light may be follows from it")
    if section.regions is None:
        yield Problem(f"{key}.regions", "missing; they say where on the camera each neuron is")
        return
    regions, needed = section.regions, tap_channels(bench, name)
    if regions.rows * regions.columns < needed:
        yield Problem(
            f"{key}.regions",
            f"found {regions.rows} x {regions.columns} regions; {role.key} has {needed} neurons",
        )
    settings = bench.instruments[name].settings
    rows, columns = settings.get("rows"), settings.get("columns")
    if type(rows) is int and type(columns) is int:
        try:
            regions.geometry.check_fits(name, rows, columns)
        except LimitError as error:
            yield Problem(f"{key}.regions", str(error))
    if section.estimator != "off-axis camera":
        return
    if section.fringes is None:
        yield Problem(f"{key}.fringes", "missing; an off-axis camera reads fields from them")
        return
    periods = max(abs(section.fringes[0]) * regions.height, abs(section.fringes[1]) * regions.width)
    if periods < LEAST_FRINGES:
        yield Problem(
            f"{key}.fringes",
            f"a region holds {periods:.2g} periods; at least {LEAST_FRINGES:g} tell fringes from "
            "the light they stand on: tilt the reference more, or make the regions larger",
        )


def _needs_signs(bench: BenchFile, role: Role) -> bool:
    """Whether an emitter shows errors, sums or activations; inputs of data may have one sign."""
    if role.name != "inputs":
        return True
    return any(
        layer.number > 1 and bench.stages[layer.stage].inputs == role.instrument
        for layer in placed_layers(bench)
    )


def _carrier_for(width: int) -> int:
    """Return an even period of which a block of this width holds whole ones, the finest of use."""
    fitting = [period for period in range(4, width + 1, 2) if width % period == 0]
    return fitting[0] if fitting else 4


def _tiling(
    bench: BenchFile, layer: PlacedLayer, layers: tuple[PlacedLayer, ...]
) -> Iterator[Problem]:
    stage = bench.stages[layer.stage]
    key = f"stages.{layer.stage}"
    does_not_fit = (
        f"layer {layer.number} is a matrix of {layer.outputs} x {layer.inputs} and the panel has "
        f"{layer.rows} x {layer.columns} blocks"
    )
    if layer.column_tiles > 1:
        if not layer.is_emitted:
            yield Problem(
                f"{key}.blocks.columns",
                f"{does_not_fit}; light of the layer before arrives all at once: at least "
                f"{layer.inputs} columns are needed, or a modulator array as {key}.inputs",
            )
        if not layer.is_last and stage.emitter is None:
            yield Problem(
                f"{key}.emitter",
                f"missing; {does_not_fit}: tiled along its inputs, its partial z are added up and "
                f"have to be re-emitted into the absorber, or make it {layer.inputs} columns",
            )
        if stage.taps.z is None:
            yield Problem(
                f"{key}.taps.z",
                f"missing; {does_not_fit}: tiled along its inputs, its partial z are read there",
            )
    light_goes_on = not layer.is_last and not layers[layer.number].is_emitted
    light_comes_in = not layer.is_emitted
    if layer.row_tiles > 1 and (light_goes_on or light_comes_in):
        yield Problem(
            f"{key}.blocks.rows",
            f"{does_not_fit}; in a cascade light goes through all of a layer at once: at least "
            f"{layer.outputs} rows are needed, or modulator arrays as inputs of the stages",
        )


def _absorber(bench: BenchFile) -> Iterator[Problem]:
    """The absorber is described where there is one, and out of the way where none may be."""
    absorber = bench.absorber
    with_absorber = [name for name, stage in bench.stages.items() if stage.absorber]
    if absorber is None:
        if with_absorber:
            yield Problem(
                "absorber",
                f"missing; stage '{with_absorber[0]}' has absorber = true, so the section "
                "[absorber] has to say what it is",
            )
    else:
        if absorber.oven is not None and absorber.oven_temperature is None:
            yield Problem("absorber.oven_temperature", "missing; the oven needs a temperature")
        if absorber.oven is None and absorber.oven_temperature is not None:
            yield Problem("absorber.oven", "missing; somebody has to keep oven_temperature")
        if absorber.laser is None and absorber.bypass_detuning is not None:
            yield Problem("absorber.laser", "missing; bypass_detuning needs a laser to detune")
        if absorber.bypass_detuning == 0:
            yield Problem("absorber.bypass_detuning", "found 0; that is on resonance")
    for layer in placed_layers(bench):
        stage = bench.stages[layer.stage]
        if layer.is_last and stage.absorber:
            if absorber is not None and absorber.bypass_detuning is None:
                yield Problem(
                    "absorber.bypass_detuning",
                    f"missing; stage '{layer.stage}' has an absorber and serves the last layer, "
                    "which has none: say at which detuning of the laser it is clear",
                )
        elif not layer.is_last and not stage.absorber:
            yield Problem(
                f"stages.{layer.stage}.absorber",
                f"found false; layer {layer.number} is not the last one and needs a nonlinear "
                "unit behind it: write absorber = true",
            )


def _safe_state(bench: BenchFile) -> Iterator[Problem]:
    """The order names every instrument once, light before supplies."""
    order = bench.safe_state.order
    for index, name in enumerate(order):
        key = f"safe_state.order[{index + 1}]"
        if name not in bench.instruments:
            yield Problem(
                key,
                f"there is no instrument '{name}'; the file has: {listed(bench.instruments)}"
                f"{nearest(name, bench.instruments)}",
            )
        elif name in order[:index]:
            yield Problem(key, f"'{name}' stands in the order twice; name every instrument once")
    left_out = [name for name in bench.instruments if name not in order]
    if left_out:
        yield Problem(
            "safe_state.order",
            f"{listed(left_out)} left out; name every instrument once",
        )
    supply = None
    for index, name in enumerate(order):
        kind = bench.instruments[name].kind if name in bench.instruments else ""
        if kind in SUPPLIES:
            supply = supply or name
        elif kind in LIGHT and supply is not None:
            yield Problem(
                f"safe_state.order[{index + 1}]",
                f"the {_words(kind)} '{name}' comes after '{supply}'; light (lasers, shutters, "
                "modulators) goes off before supplies (amplifiers, ovens, heaters)",
            )


def _missing(layer: PlacedLayer, key: str, why: str) -> Problem:
    kinds = KINDS_OF_ROLE["tap" if key.startswith("taps.") else key]
    named = " or a ".join(_words(kind) for kind in kinds)
    return Problem(f"stages.{layer.stage}.{key}", f"missing; {why}: name a {named}")


def _words(kind: str) -> str:
    return kind.replace("_", " ")


_CHECKS: tuple[Callable[[BenchFile], Iterator[Problem]], ...] = (
    _names,
    _kinds,
    _light_path,
    _way_back,
    _sizes,
    _mirrors,
    _estimators,
    _absorber,
    _safe_state,
)
