"""What has to fit together in a bench file: names, roles, sizes, the absorber, the safe state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from instruments.bench_file.estimator_checks import estimator_problems
from instruments.bench_file.instrument_sections import kind_in_words
from instruments.bench_file.mirror_checks import mirror_problems
from instruments.bench_file.placement import PlacedLayer, placed_layers
from instruments.bench_file.problems import Problem, listed, nearest, refuse
from instruments.bench_file.roles import KINDS_OF_ROLE, roles
from instruments.bench_file.schema import BenchFile
from instruments.bench_file.size_checks import size_problems

LIGHT = ("laser", "shutter", "modulator_array", "mirror_device")
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
                f"'{role.instrument}' is a {kind_in_words(found)}; allowed: "
                f"{listed(kind_in_words(kind) for kind in allowed)}",
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


def _operating_points(bench: BenchFile) -> Iterator[Problem]:
    """What the absorber's oven and laser are set to in operation lies within their own limits."""
    absorber = bench.absorber
    if absorber is None:
        return
    for key, value, name, quantity in (
        ("oven_temperature", absorber.oven_temperature, absorber.oven, "temperature_celsius"),
        ("bypass_detuning", absorber.bypass_detuning, absorber.laser, "detuning_hertz"),
    ):
        if value is None or name is None:
            continue
        instrument = bench.instruments[name]
        limit = instrument.limits.get(quantity)
        if limit is not None and not limit.low <= value <= limit.high:
            yield Problem(
                f"absorber.{key}",
                f"found {value:g} {limit.unit}; instruments.{name}.limits.{quantity} allows "
                f"{limit}",
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
                f"the {kind_in_words(kind)} '{name}' comes after '{supply}'; light (lasers, "
                "shutters, modulators) goes off before supplies (amplifiers, ovens, heaters)",
            )


def _missing(layer: PlacedLayer, key: str, why: str) -> Problem:
    kinds = KINDS_OF_ROLE["tap" if key.startswith("taps.") else key]
    named = " or a ".join(kind_in_words(kind) for kind in kinds)
    return Problem(f"stages.{layer.stage}.{key}", f"missing; {why}: name a {named}")


_CHECKS: tuple[Callable[[BenchFile], Iterator[Problem]], ...] = (
    _names,
    _kinds,
    _light_path,
    _way_back,
    size_problems,
    mirror_problems,
    estimator_problems,
    _absorber,
    _operating_points,
    _safe_state,
)
