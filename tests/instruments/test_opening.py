"""Drivers are found by name, told what they need, and nothing is opened before all is right."""

import threading
from importlib.metadata import EntryPoint
from typing import ClassVar, Literal

import pytest
from immediate_instruments import ImmediateLaser
from pydantic import BaseModel

from instruments import opening
from instruments.bench_file.instrument_sections import InstrumentSection
from instruments.bench_file.reading import built_in_bench
from instruments.errors import BenchFileError, InstrumentError
from instruments.interfaces.laser import Laser
from instruments.opening import (
    ENTRY_POINT_GROUP,
    SharedResources,
    find_driver,
    installed_drivers,
    prepare_instrument,
    prepare_instruments,
)
from instruments.quantities import PositiveVolts


class BenchLaser:
    kind: ClassVar[str] = "laser"

    class Settings(BaseModel):
        piezo_voltage: PositiveVolts = 10.0
        lock: Literal["side", "top"] = "side"

    @classmethod
    def open(cls, request):
        laser = ImmediateLaser(request.name)
        laser.request = request
        return laser


class NoDriver:
    kind = "laser"


def entry(name, value):
    return EntryPoint(name=name, value=value, group=ENTRY_POINT_GROUP)


@pytest.fixture
def installed(monkeypatch):
    entries = [
        entry("bench laser", "lasers:BenchLaser"),
        entry("broken laser", "no_such_vendor_library:Laser"),
        entry("half a laser", "lasers:NoDriver"),
    ]
    loaded = {"lasers:BenchLaser": BenchLaser, "lasers:NoDriver": NoDriver}
    original = EntryPoint.load
    monkeypatch.setattr(EntryPoint, "load", lambda self: loaded.get(self.value) or original(self))
    monkeypatch.setattr(
        opening, "entry_points", lambda group: entries if group == ENTRY_POINT_GROUP else []
    )
    return entries


def bench_with(**changes):
    """The digits bench with nothing but a laser of this description."""
    section = {"kind": "laser", "driver": "bench laser"} | changes
    bench = built_in_bench("digits").read_from("lab.toml", None)
    return bench.model_copy(
        update={"instruments": {"laser": InstrumentSection.model_validate(section)}}
    )


def complaint(error, **changes):
    with pytest.raises(error) as caught:
        prepare_instruments(bench_with(**changes))
    line = str(caught.value)
    assert line.startswith("lab.toml: instruments.laser.")
    assert "\n" not in line
    return line.removeprefix("lab.toml: instruments.laser.")


@pytest.mark.usefixtures("installed")
class TestWithDriversInstalled:
    def test_a_driver_is_found_by_its_name(self):
        assert find_driver("bench laser") is BenchLaser

    def test_an_instrument_is_told_all_it_needs(self):
        bench = bench_with(
            address="COM3",
            limits={"power_watts": ["0 mW", "20 mW"]},
            settings={"piezo_voltage": "3 V"},
        )
        shared = SharedResources()
        laser = prepare_instruments(bench, shared)["laser"].open()
        assert isinstance(laser, Laser)
        request = laser.request
        assert (request.name, request.kind, request.address) == ("laser", "laser", "COM3")
        assert request.settings == BenchLaser.Settings(piezo_voltage="3 V")
        assert request.limits["power_watts"].high == pytest.approx(0.02)
        assert request.bench is bench
        assert request.shared is shared

    def test_an_unknown_driver_names_the_nearest_and_the_installed_ones(self):
        line = complaint(BenchFileError, driver="bench lazer")
        assert line.startswith("driver: no driver 'bench lazer' is installed; installed: 'bench")
        assert line.endswith("did you mean 'bench laser'?")

    @pytest.mark.parametrize(
        ("settings", "expected"),
        [
            ({"piezo_voltage": "3 A"}, "settings.piezo_voltage: '3 A' is a current"),
            ({"piezo_voltage": 3}, "settings.piezo_voltage: 3 has no unit"),
            ({"lock": "sides"}, "settings.lock: found 'sides'; allowed: 'side', 'top'; did you"),
            ({"piezo_volts": "3 V"}, "settings.piezo_volts: no such key 'piezo_volts'"),
        ],
    )
    def test_settings_are_checked_by_the_driver(self, settings, expected):
        assert complaint(BenchFileError, settings=settings).startswith(expected)

    def test_a_driver_of_another_kind_is_refused(self):
        line = complaint(BenchFileError, kind="shutter")
        assert line == "driver: 'bench laser' drives a laser; 'laser' is a shutter"

    def test_a_driver_whose_library_is_missing_says_so(self):
        line = complaint(InstrumentError, driver="broken laser")
        assert "cannot be loaded: ModuleNotFoundError: No module named 'no_such_vendor" in line

    def test_what_is_not_a_driver_is_not_taken_for_one(self):
        assert "is not a driver; it needs" in complaint(InstrumentError, driver="half a laser")

    def test_nothing_is_opened_before_everything_is_right(self, monkeypatch):
        monkeypatch.setattr(BenchLaser, "open", lambda request: pytest.fail("opened"))
        bench = bench_with()
        wrong = bench.instruments["laser"].model_copy(update={"driver": "nobody"})
        instruments = {**bench.instruments, "other": wrong}
        with pytest.raises(BenchFileError, match=r"instruments\.other\.driver"):
            prepare_instruments(bench.model_copy(update={"instruments": instruments}))


def test_the_same_driver_installed_twice_is_one_and_another_is_refused(installed):
    installed.append(entry("bench laser", "lasers:BenchLaser"))
    assert list(installed_drivers()) == ["bench laser", "broken laser", "half a laser"]
    installed.append(entry("bench laser", "elsewhere:Laser"))
    with pytest.raises(BenchFileError, match="'bench laser' is installed twice, as lasers:Bench"):
        find_driver("bench laser")


def test_without_any_driver_the_message_still_reads(monkeypatch):
    monkeypatch.setattr(opening, "entry_points", lambda group: [])
    with pytest.raises(BenchFileError, match="installed: none"):
        prepare_instrument(bench_with(), "laser", SharedResources())


def test_a_shared_resource_is_built_once_however_many_ask():
    shared = SharedResources()
    built = []
    start = threading.Barrier(8)

    def build():
        built.append(shared.get("clock", object))
        return object()

    def ask(found):
        start.wait(timeout=5)
        found.append(shared.get("twin", build))

    found = []
    threads = [threading.Thread(target=ask, args=(found,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=5)
    assert len(found) == 8
    assert len(set(map(id, found))) == 1
    assert len(built) == 1


def test_a_resource_that_could_not_be_built_is_tried_again():
    shared = SharedResources()
    with pytest.raises(ZeroDivisionError):
        shared.get("twin", lambda: 1 // 0)
    assert shared.get("twin", lambda: "built") == "built"
