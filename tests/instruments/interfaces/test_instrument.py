"""What every instrument promises, whatever its kind."""

import inspect

import pytest
from rigs import RIGS

from instruments.errors import InstrumentError
from instruments.interfaces.instrument import Identity, Instrument
from instruments.interfaces.kinds import INTERFACES
from instruments.limits import Limit
from instruments.opening import find_driver, installed_drivers

KINDS = tuple(INTERFACES)

LIMITED = {
    "spatial_light_modulator": {"level"},
    "mirror_device": {"shots", "picture_seconds"},
    "modulator_array": {"shots", "volts"},
    "photodetector_array": {"shots"},
    "camera": {"shots", "exposure_seconds"},
    "power_meter": {"wavelength_metres", "power_watts"},
    "optical_amplifier": {"current_amperes"},
    "laser": {"detuning_hertz", "power_watts"},
    "shutter": set(),
    "reference_phase": {"volts"},
    "temperature_controller": {"temperature_celsius"},
    "phase_shifter_array": {"heater_watts", "total_watts"},
    "trigger_source": {"shots", "period_seconds"},
}


def test_it_has_everything_its_interface_names(rig):
    assert isinstance(rig.instrument, Instrument)
    assert isinstance(rig.instrument, INTERFACES[rig.kind])


def test_it_knows_its_name_and_whether_it_is_real(rig):
    assert rig.instrument.name
    assert isinstance(rig.instrument.simulated, bool)


def test_it_says_who_it_is(rig):
    identity = rig.instrument.identity()
    assert isinstance(identity, Identity)
    assert identity.manufacturer
    assert identity.model


def test_it_has_a_limit_for_every_quantity_that_can_be_set(rig):
    limits = rig.instrument.limits()
    assert set(limits) >= LIMITED[rig.kind]
    assert all(isinstance(limit, Limit) for limit in limits.values())


def test_it_can_be_made_safe_at_any_time_and_again(rig):
    rig.instrument.make_safe()
    rig.instrument.make_safe()


def test_it_can_be_closed_twice_and_is_harmless_then(rig):
    rig.instrument.close()
    rig.instrument.close()
    rig.instrument.make_safe()


def questions(kind):
    """Return the methods of a kind that can be called with nothing but the instrument."""
    return [
        name
        for name, method in inspect.getmembers(INTERFACES[kind], inspect.isfunction)
        if not name.startswith("_")
        and name not in ("make_safe", "close")
        and list(inspect.signature(method).parameters) == ["self"]
    ]


def test_closed_it_answers_no_question(rig):
    rig.instrument.close()
    assert {"identity", "limits"} <= set(questions(rig.kind))
    for question in questions(rig.kind):
        with pytest.raises(InstrumentError, match=rig.instrument.name):
            getattr(rig.instrument, question)()


def test_an_identity_reads_as_a_person_would_say_it():
    assert str(Identity("Thorlabs", "ITC4001", "M0", "1.6")) == (
        "Thorlabs ITC4001 serial M0 firmware 1.6"
    )
    assert str(Identity("Thorlabs", "ITC4001")) == "Thorlabs ITC4001"


def test_every_interface_has_an_implementation_under_test():
    assert {kind for kind, _, _ in RIGS} == set(INTERFACES)


def test_every_driver_that_comes_with_backbeam_is_under_test():
    # Other packages may bring drivers of their own; those have to pass these tests elsewhere.
    drivers = {
        name: find_driver(name)
        for name, entry in installed_drivers().items()
        if entry.dist is not None and entry.dist.name == "backbeam"
    }
    assert drivers
    tested = {(kind, type(build().instrument)) for kind, _, build in RIGS}
    untested = [name for name, one in drivers.items() if (one.kind, one) not in tested]
    assert not untested, f"add a rig to tests/instruments/support/rigs.py for {untested}"
