"""The sections of a bench file have to fit together, whatever each of them says on its own."""

import copy

import pytest

from instruments.bench_file.checks import check_bench
from instruments.bench_file.schema import BenchFile
from instruments.errors import BenchFileError


def instrument(kind, **settings):
    return {"kind": kind, "driver": "any", "settings": settings}


def blocks(rows, columns):
    return {"rows": rows, "columns": columns, "height": 9, "width": 9, "period": 9}


COMMON = {
    "format": 1,
    "name": "lab",
    "optics": {"wavelength": "780 nm", "saturation_power": "521 nW"},
    "absorber": {"optical_depth": 10.0},
    "exposure": {"trigger": "trigger", "shot_period": "100 us", "window": "1 us"},
}


def cascade():
    """64-48-10, each layer its own stage."""
    return copy.deepcopy(
        COMMON
        | {
            "network": {"layers": [64, 48, 10], "stages": ["first", "second"]},
            "stages": {
                "first": {
                    "inputs": "inputs",
                    "weights": "panel_1",
                    "amplifier": "amplifier",
                    "absorber": True,
                    "blocks": blocks(48, 64),
                    "taps": {"z": "taps_z", "a": "taps_a", "delta": "taps_delta"},
                },
                "second": {
                    "weights": "panel_2",
                    "injector": "errors",
                    "blocks": blocks(10, 48),
                    "taps": {"z": "outputs"},
                },
            },
            "instruments": {
                "inputs": instrument("modulator array", channels=64),
                "errors": instrument("modulator array", channels=10),
                "panel_1": instrument("spatial light modulator", rows=1152, columns=1920),
                "panel_2": instrument("spatial light modulator", rows=1152, columns=1920),
                "amplifier": instrument("optical amplifier"),
                "taps_z": instrument("photodetector array", channels=48),
                "taps_a": instrument("photodetector array", channels=48),
                "taps_delta": instrument("photodetector array", channels=48),
                "outputs": instrument("photodetector array", channels=10),
                "trigger": instrument("trigger source"),
                "meter": instrument("power meter"),
            },
            "safe_state": {
                "order": [
                    *("trigger", "errors", "inputs", "panel_1", "panel_2", "taps_z", "taps_a"),
                    *("taps_delta", "outputs", "meter", "amplifier"),
                ]
            },
        }
    )


def in_turn():
    """784-128-10, one stage in turn, its first layer tiled along the inputs."""
    return copy.deepcopy(
        COMMON
        | {
            "network": {"layers": [784, 128, 10], "stages": ["only", "only"]},
            "absorber": {"optical_depth": 10.0, "laser": "laser", "bypass_detuning": "5 GHz"},
            "stages": {
                "only": {
                    "inputs": "inputs",
                    "weights": "panel",
                    "absorber": True,
                    "emitter": "emitter",
                    "injector": "errors",
                    "blocks": blocks(128, 196),
                    "taps": {"z": "taps_z", "a": "taps_a", "delta": "taps_d", "rho": "taps_r"},
                }
            },
            "instruments": {
                "laser": instrument("laser"),
                "inputs": instrument("modulator array", channels=196),
                "emitter": instrument("modulator array", channels=128),
                "errors": instrument("modulator array", channels=128),
                "panel": instrument("spatial light modulator", rows=1152, columns=1920),
                "taps_z": instrument("photodetector array", channels=128),
                "taps_a": instrument("photodetector array", channels=128),
                "taps_d": instrument("photodetector array", channels=128),
                "taps_r": instrument("photodetector array", channels=196),
                "trigger": instrument("trigger source"),
            },
            "safe_state": {
                "order": [
                    *("laser", "errors", "emitter", "inputs", "trigger", "panel"),
                    *("taps_z", "taps_a", "taps_d", "taps_r"),
                ]
            },
        }
    )


REMOVE = object()


def edited(table, changes):
    for key, value in changes.items():
        *path, last = key.split("/")
        target = table
        for part in path:
            target = target[part]
        if value is REMOVE:
            del target[last]
        else:
            target[last] = value
    return table


def complaint(table, changes):
    bench = BenchFile.model_validate(edited(table, changes)).read_from("lab.toml", None)
    with pytest.raises(BenchFileError) as caught:
        check_bench(bench)
    line = str(caught.value)
    assert line.startswith("lab.toml: ")
    assert "\n" not in line
    return line.removeprefix("lab.toml: ")


@pytest.mark.parametrize("arrangement", [cascade, in_turn])
def test_these_benches_are_right(arrangement):
    check_bench(BenchFile.model_validate(arrangement()))


def test_a_bench_that_only_goes_forward_is_right():
    table = edited(
        cascade(),
        {
            "stages/second/injector": REMOVE,
            "stages/first/taps": {"a": "taps_a"},
        },
    )
    check_bench(BenchFile.model_validate(table))


def test_an_output_layer_tiled_along_its_inputs_needs_no_emitter():
    table = edited(
        in_turn(),
        {
            "network": {"layers": [784, 10], "stages": ["only"]},
            "stages/only/emitter": REMOVE,
            "stages/only/absorber": False,
        },
    )
    check_bench(BenchFile.model_validate(table))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"network/stages": ["first"]}, "network.stages: found 1 stages for 2 layers"),
        (
            {"network/stages": ["first", "secund"]},
            "network.stages[2]: there is no stage 'secund'; the file has: 'first', 'second'; "
            "did you mean 'second'?",
        ),
        ({"network/stages": ["first", "first"]}, "stages.second: no layer uses this stage"),
        (
            {"stages/first/weights": "panel_3"},
            "stages.first.weights: there is no instrument 'panel_3'",
        ),
        ({"stages/first/weights": "pannel_1"}, "did you mean 'panel_1'?"),
        ({"stages/first/taps/a": "nobody"}, "stages.first.taps.a: there is no instrument"),
        ({"exposure/trigger": "trigge"}, "did you mean 'trigger'?"),
        (
            {"stages/first/weights": "inputs"},
            "stages.first.weights: 'inputs' is a modulator array; allowed: 'spatial light "
            "modulator'",
        ),
        ({"exposure/trigger": "meter"}, "exposure.trigger: 'meter' is a power meter"),
    ],
)
def test_what_is_named_exists_and_is_of_the_right_kind(changes, expected):
    assert expected in complaint(cascade(), changes)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"stages/second/weights": "panel_1"},
            "stages.second.weights: 'panel_1' is in use already, as stages.first.weights",
        ),
        (
            {"stages/first/taps/a": "taps_z"},
            "stages.first.taps.a: 'taps_z' is in use already, as stages.first.taps.z",
        ),
        ({"stages/second/injector": "inputs"}, "'inputs' is in use already"),
    ],
)
def test_an_instrument_has_one_role(changes, expected):
    assert expected in complaint(cascade(), changes)


def test_two_instruments_cannot_be_the_same_channels_of_one_device():
    adc = instrument("photodetector array", first_channel=0) | {"address": "TCPIP0::adc"}
    line = complaint(cascade(), {"instruments/taps_z": adc, "instruments/taps_a": adc})
    assert line.startswith("instruments.taps_a.address: 'TCPIP0::adc' with the same settings")
    other = copy.deepcopy(adc)
    other["settings"]["first_channel"] = 48
    table = edited(cascade(), {"instruments/taps_z": adc, "instruments/taps_a": other})
    check_bench(BenchFile.model_validate(table))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"stages/first/inputs": REMOVE}, "stages.first.inputs: missing; the first layer's inputs"),
        ({"stages/first/taps/a": REMOVE}, "stages.first.taps.a: missing; the activations of"),
        ({"stages/second/taps/z": REMOVE}, "stages.second.taps.z: missing; the outputs"),
        ({"stages/first/taps/delta": REMOVE}, "stages.first.taps.delta: missing; the errors of"),
        ({"stages/second/injector": REMOVE}, "stages.second.injector: missing; the errors at"),
    ],
)
def test_a_missing_role_says_what_it_is_for(changes, expected):
    line = complaint(cascade(), changes)
    assert line.startswith(expected)
    assert "name a " in line


@pytest.mark.parametrize("port", ["rho", "delta"])
def test_errors_that_are_injected_again_are_read_first(port):
    line = complaint(in_turn(), {f"stages/only/taps/{port}": REMOVE})
    assert line.startswith(f"stages.only.taps.{port}: missing; ")


def test_a_stage_that_serves_layers_in_turn_shows_its_inputs_itself():
    changes = {
        "network": {"layers": [64, 48, 48, 10], "stages": ["first", "first", "second"]},
    }
    line = complaint(cascade(), changes)
    assert line.startswith("stages.second.inputs: missing; stage 'first' serves layers 1 and 2")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"instruments/panel_1/settings": {"rows": 400, "columns": 1920}},
            "stages.first.blocks: panel_1: 48 x 64 blocks of 9 x 9 pixels from [0, 0] do not fit "
            "400 x 1920 pixels; 44 x 213 blocks do",
        ),
        (
            {"stages/first/blocks": blocks(40, 64)},
            "stages.first.blocks.rows: layer 1 is a matrix of 48 x 64 and the panel has 40 x 64 "
            "blocks; in a cascade",
        ),
        (
            {"stages/second/blocks": blocks(10, 40)},
            "stages.second.blocks.columns: layer 2 is a matrix of 10 x 48 and the panel has 10 x "
            "40 blocks; light of the layer before arrives all at once",
        ),
        (
            {"stages/first/blocks": blocks(48, 32)},
            "stages.first.emitter: missing; layer 1 is a matrix of 48 x 64",
        ),
        (
            {"instruments/inputs/settings": {"channels": 60}},
            "instruments.inputs.settings.channels: found 60; the layers it serves need at least 64",
        ),
        (
            {"instruments/taps_a/settings": {"channels": 10}},
            "instruments.taps_a.settings.channels: found 10; the layers it serves need at least 48",
        ),
    ],
)
def test_layers_fit_the_panel_and_the_channels(changes, expected):
    assert complaint(cascade(), changes).startswith(expected)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"stages/only/emitter": REMOVE}, "stages.only.emitter: missing; layer 1 is a matrix"),
        ({"stages/only/taps/z": REMOVE}, "stages.only.taps.z: missing; the outputs"),
        ({"instruments/emitter/settings/channels": 64}, "instruments.emitter.settings.channels"),
    ],
)
def test_a_matrix_tiled_along_its_inputs_is_read_and_emitted_again(changes, expected):
    assert complaint(in_turn(), changes).startswith(expected)


def test_a_matrix_may_be_tiled_along_its_outputs_where_light_is_shown_again():
    table = edited(in_turn(), {"network/layers": [784, 300, 10]})
    check_bench(BenchFile.model_validate(table))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"absorber": REMOVE}, "absorber: missing; stage 'first' has absorber = true"),
        ({"stages/first/absorber": False}, "stages.first.absorber: found false; layer 1 is not"),
        ({"stages/second/absorber": True}, "absorber.bypass_detuning: missing; stage 'second'"),
        ({"absorber/oven_temperature": "75 degC"}, "absorber.oven: missing"),
        ({"absorber/bypass_detuning": "5 GHz"}, "absorber.laser: missing"),
    ],
)
def test_the_absorber_is_described_and_stands_where_it_should(changes, expected):
    assert complaint(cascade(), changes).startswith(expected)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"absorber/bypass_detuning": REMOVE}, "absorber.bypass_detuning: missing; stage 'only'"),
        ({"absorber/bypass_detuning": "0 Hz"}, "absorber.bypass_detuning: found 0"),
    ],
)
def test_one_stage_for_layers_with_and_without_absorber_needs_a_bypass(changes, expected):
    assert complaint(in_turn(), changes).startswith(expected)


LASER_LIMITS = {"instruments/laser/limits": {"detuning_hertz": ["-10 GHz", "10 GHz"]}}
OVEN = {
    "absorber/oven": "oven",
    "instruments/oven": instrument("temperature controller")
    | {"limits": {"temperature_celsius": ["15 degC", "90 degC"]}},
    "safe_state/order": [*in_turn()["safe_state"]["order"], "oven"],
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            LASER_LIMITS | {"absorber/bypass_detuning": "50 GHz"},
            "absorber.bypass_detuning: found 5e+10 Hz; instruments.laser.limits.detuning_hertz "
            "allows -1e+10 to 1e+10 Hz",
        ),
        (
            OVEN | {"absorber/oven_temperature": "750 degC"},
            "absorber.oven_temperature: found 750 degC; instruments.oven.limits."
            "temperature_celsius allows 15 to 90 degC",
        ),
        (
            OVEN | {"absorber/oven_temperature": "75 K"},
            "absorber.oven_temperature: found -198.15 degC",
        ),
    ],
)
def test_what_oven_and_laser_are_set_to_lies_within_their_limits(changes, expected):
    assert complaint(in_turn(), changes).startswith(expected)


@pytest.mark.parametrize(
    "changes",
    [
        LASER_LIMITS | {"absorber/bypass_detuning": "10 GHz"},
        OVEN | {"absorber/oven_temperature": "90 degC"},
    ],
)
def test_oven_and_laser_may_be_set_to_their_limits(changes):
    check_bench(BenchFile.model_validate(edited(in_turn(), changes)))


def safe_order(*first):
    rest = [name for name in cascade()["safe_state"]["order"] if name not in first]
    return [*first, *rest]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (cascade()["safe_state"]["order"][:-1], "safe_state.order: 'amplifier' left out"),
        (safe_order("trigger", "trigger"), "safe_state.order[2]: 'trigger' stands in the order"),
        (safe_order("amplifer"), "did you mean 'amplifier'?"),
        (
            safe_order("amplifier", "inputs"),
            "safe_state.order[2]: the modulator array 'inputs' comes after 'amplifier'; light",
        ),
    ],
)
def test_the_safe_state_names_every_instrument_once_and_light_first(order, expected):
    assert expected in complaint(cascade(), {"safe_state/order": order})
