"""``backbeam check``: who answers, what is in force, and the way to the safe state."""

import pytest

from instruments.bench_file.reading import built_in_bench, built_in_text
from instruments.errors import InstrumentError
from sim_backends.simulated.laser import SimulatedLaser
from sim_backends.simulated.shutter import SimulatedShutter
from sim_backends.simulated.spatial_light_modulator import SimulatedSpatialLightModulator
from sim_backends.simulated.temperature_controller import SimulatedTemperatureController

COUNT = len(built_in_bench("digits").instruments)
LASER_LIMIT = 'power_watts = ["0 mW", "100 mW"]'


def refuses_to_open(monkeypatch, driver, reason):
    def refuse(cls, request):
        raise InstrumentError(f"{request.name}: {reason}")

    monkeypatch.setattr(driver, "open", classmethod(refuse))


def rows(done, first):
    """Lines of a table, by their words, from the line after the one that begins with ``first``."""
    lines = [line.split() for line in done.out.splitlines()]
    start = next(i for i, words in enumerate(lines) if words[:1] == [first])
    table = []
    for words in lines[start + 2 :]:
        if not words:
            break
        table.append(words)
    return table


def test_every_instrument_of_the_built_in_bench_is_named_with_who_it_is(backbeam):
    done = backbeam("check")
    assert done.code == 0, done.err
    table = rows(done, "instrument")
    bench = built_in_bench("digits")
    assert [words[0] for words in table] == list(bench.instruments)
    laser = next(line for line in done.out.splitlines() if line.split()[:1] == ["laser"])
    for words in ("simulated laser", "Backbeam SimulatedLaser serial twin 1", "simulated"):
        assert words in laser
    assert "detuning -10 GHz to 10 GHz, power 0 W to 100 mW" in laser
    assert "hardware" not in done.out


def test_the_safe_state_is_shown_step_by_step_in_the_file_s_order(backbeam):
    done = backbeam("check")
    table = rows(done, "order")
    order = built_in_bench("digits").safe_state.order
    assert [words[1] for words in table] == list(order)
    assert [int(words[0]) for words in table] == list(range(1, len(order) + 1))
    assert {words[2] for words in table} == {"safe"}
    assert all(float(words[3]) >= 0 and words[4] in ("s", "ms", "us") for words in table)
    assert done.out.splitlines()[-1] == "bench digits is ready; nothing was switched on"


def test_nothing_is_switched_on_or_heated(backbeam, monkeypatch):
    for driver, method in (
        (SimulatedLaser, "set_enabled"),
        (SimulatedShutter, "set_open"),
        (SimulatedTemperatureController, "set_enabled"),
        (SimulatedSpatialLightModulator, "show_blocks"),
    ):
        monkeypatch.setattr(driver, method, lambda *_: pytest.fail("switched on"))
    assert backbeam("check").code == 0


def test_limits_narrowed_by_the_file_are_those_in_force(backbeam, here):
    text = built_in_text("digits").replace(
        'power_watts = ["0 mW", "100 mW"]', 'power_watts = ["0 mW", "20 mW"]'
    )
    (here / "lab.toml").write_text(text, encoding="utf-8")
    done = backbeam("check", "lab.toml")
    assert done.code == 0, done.err
    assert "power 0 W to 20 mW" in done.out


def test_all_instruments_that_cannot_be_opened_are_named_in_one_line(backbeam, monkeypatch):
    refuses_to_open(monkeypatch, SimulatedLaser, "no answer at TCPIP0::10.0.0.3::INSTR")
    refuses_to_open(monkeypatch, SimulatedTemperatureController, "is in use")
    done = backbeam("check")
    assert done.code == 3
    line = done.complaint
    assert line.startswith(
        f"built-in bench 'digits': 2 of {COUNT} instruments could not be opened: "
    )
    assert "laser: no answer at TCPIP0::10.0.0.3::INSTR" in line
    assert "oven: is in use" in line


def test_a_limit_the_instrument_does_not_have_is_refused(backbeam, here):
    text = built_in_text("digits").replace(
        'power_watts = ["0 mW", "100 mW"]', 'power_watts = ["0 mW", "2 W"]'
    )
    (here / "lab.toml").write_text(text, encoding="utf-8")
    done = backbeam("check", "lab.toml")
    assert done.code == 3
    assert "laser: the limit of power_watts is set to 0 to 2 W" in done.complaint


def test_one_that_cannot_be_made_safe_is_an_error_and_the_others_are_shown(backbeam, monkeypatch):
    def fail(self):
        raise OSError("the cable is out")

    monkeypatch.setattr(SimulatedLaser, "make_safe", fail)
    done = backbeam("check")
    assert done.code == 3
    (line,) = done.err.splitlines()
    assert f"safe state not reached by 1 of {COUNT} instruments: laser: not made safe" in line
    safe = {words[1]: words[2] for words in rows(done, "order")}
    assert safe.pop("laser") == "refused"
    assert set(safe.values()) == {"safe"}


@pytest.mark.parametrize(
    ("bench", "words"),
    [
        ("digit", ["'digit' is neither a bench file", "did you mean 'digits'?"]),
        ("lab.toml", ["lab.toml: no such file", "backbeam init lab.toml"]),
        ("broken.toml", ["broken.toml, line 1", "not TOML"]),
        (
            "wrong.toml",
            ["wrong.toml: instruments.laser.driver", "no driver 'my laser'"],
        ),
        ("sizes.toml", ["sizes.toml: stages.first.blocks"]),
    ],
)
def test_a_bench_that_is_none(backbeam, here, bench, words):
    text = built_in_text("digits")
    (here / "broken.toml").write_text("format = ", encoding="utf-8")
    (here / "wrong.toml").write_text(
        text.replace('driver = "simulated laser"', 'driver = "my laser"'), encoding="utf-8"
    )
    (here / "sizes.toml").write_text(text.replace("rows = 48,", "rows = 4,"), encoding="utf-8")
    done = backbeam("check", bench)
    assert done.code == 2
    for word in words:
        assert word in done.complaint


def test_the_light_of_a_panel_is_timed(backbeam):
    done = backbeam("check", "--display-timing", "--flashes", "20")
    assert done.code == 0, done.err
    found = {line.strip().split("  ")[0]: line for line in done.out.splitlines() if "  " in line}
    assert "slm_1" in found["panel"]
    assert "20 flashes" in found["panel"]
    # The panels of the built-in bench settle with 3 ms.
    words = found["time constant"].split()
    assert float(words[2]) == pytest.approx(3.0, rel=0.05)
    assert words[3] == "ms"
    assert "0 " in found["frames skipped"]
    assert done.out.splitlines()[-1].endswith("what was switched on is off again")


def test_a_panel_that_cannot_be_timed_is_refused_with_those_that_can(backbeam):
    done = backbeam("check", "--display-timing", "--panel", "slm_2")
    assert done.code == 2
    assert "panel: found 'slm_2'; allowed: a panel whose stage has inputs of its own: 'slm_1'" in (
        done.err
    )


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("[twin.tapz]\nx = 1\n", "twin.tapz"),
        ('[twin.taps]\nelectronic_noise = "0.5 mA"\n', "twin.taps.electronic_noise: '0.5 mA'"),
    ],
)
def test_a_mistake_in_the_twin_is_the_file_s_and_not_that_of_each_instrument(
    backbeam, here, section, words
):
    (here / "lab.toml").write_text(built_in_text("digits") + section, encoding="utf-8")
    done = backbeam("check", "lab.toml")
    assert done.code == 2
    assert done.complaint.startswith(f"lab.toml: {words}")
    assert done.complaint.count("twin.") == 1
