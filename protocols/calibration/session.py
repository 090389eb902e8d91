"""What the protocols of one calibration share: the light, the tables so far, the noise."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from instruments.bench_file.stage_sections import StageSection
from instruments.calibration.bench_tables import BenchTables
from instruments.calibration.camera_regions import CameraRegionsTable
from instruments.calibration.encoder import EncoderTable
from instruments.calibration.mirror_encoder import MirrorEncoderTable
from instruments.calibration.table import CalibrationTable, Provenance
from instruments.calibration.tap import TapTable
from instruments.calibration_light import CalibrationLight
from instruments.errors import CalibrationError
from instruments.quantities import POWER, QuantityError, parse_quantity
from instruments.stage_hardware import StageHardware
from protocols.calibration.mirror_map import MirrorMap
from protocols.calibration.slit_centre import SlitCentre

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

MEASURED = "measured"

WANDER_SECONDS = 0.3
"""Time between the readings of one protocol that are compared."""

_NOISE_SHOTS = 256
_CLEARLY_NOISIER = 1.02
_ASSUMED_SATURATION_WATTS = 10e-3
# Share by which an amplifier may saturate while its gain is taken as that of weak light.
_WEAK = 0.002


@dataclass
class BankState:
    """What is known of a bank of detectors besides its table.

    Attributes
    ----------
    offset_volts, noise_volts
        ``[n]``: without light but with the reference; rms of one shot there.
    usable
        ``[n]``: neither dead nor stuck at the edge of the range.
    """

    offset_volts: Floats
    noise_volts: Floats
    usable: Flags


@dataclass
class CalibrationSession:
    """A calibration under way.

    Attributes
    ----------
    light
        The bench, in device units.
    tables
        The best tables so far: what a protocol finds is used by those after it.
    generator
        Draws patterns.
    measured_at, valid_for_seconds
        For the provenance of tables.
    banks
        State of every bank of detectors, once measured.
    rest_volts
        Actuator volts of each bank's reference phase in operation.
    radians_per_volt
        By which an actuator turns that phase, once measured.
    anchors
        Field gain of each stage's amplifier at which its weights were measured; the rest of its
        gain curve is relative to that.
    tap_phases
        ``[n]`` phase of each tap of a bank at rest, where measured.
    column_phases
        ``[n]`` phase by which the light on each column of a stage's panel lags, where measured:
        inputs need not lie in a plane.
    phase_wander
        Square radians a second by which a bank's reference wanders, where measured.
    phase_misfit
        Radians by which the light at a stage's taps may be out of phase, because its panel's
        curves left more than noise.
    slit_centres
        Where the slit of each stage is, once the phases of its columns are measured.
    mirror_maps
        Where the mirrors at the inputs of a stage are imaged to, where measured.
    """

    light: CalibrationLight
    tables: BenchTables
    generator: np.random.Generator
    measured_at: str
    valid_for_seconds: float | None = None
    banks: dict[str, BankState] = field(default_factory=dict)
    rest_volts: dict[str, float] = field(default_factory=dict)
    radians_per_volt: dict[str, float] = field(default_factory=dict)
    anchors: dict[str, float] = field(default_factory=dict)
    tap_phases: dict[str, Floats] = field(default_factory=dict)
    column_phases: dict[str, Floats] = field(default_factory=dict)
    phase_wander: dict[str, float] = field(default_factory=dict)
    phase_misfit: dict[str, float] = field(default_factory=dict)
    slit_centres: dict[str, SlitCentre] = field(default_factory=dict)
    mirror_maps: dict[str, MirrorMap] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for bank in self.light.banks():
            table = self.tables.taps[bank]
            # Until the noise is measured: a ten-thousandth of the range.
            noise = 1e-4 * self.range_volts(bank)
            self.banks[bank] = BankState(
                np.array(table.offset_volts),
                np.full(table.channels, noise),
                np.ones(table.channels, np.bool_),
            )
        for name, encoder in self.tables.encoders.items():
            self.light.rest_volts[name] = encoder.dark_drive
        phases = self.tables.reference_phases.get(self.light.file.reference_phase or "")
        if phases is not None:
            for channel, bank in enumerate(self.light.banks()[: phases.channels]):
                self.rest_volts[bank] = float(phases.rest_volts[channel])
                self.radians_per_volt[bank] = float(phases.radians_per_volt[channel])

    # Who is where ----------------------------------------------------------------------------

    def section(self, stage: str) -> StageSection:
        """Return what the bench file says of a stage."""
        return self.light.file.stages[stage]

    def hardware(self, stage: str) -> StageHardware:
        """Return the instruments of a stage."""
        return self.light.stages[stage]

    def forward_bank(self, stage: str) -> str:
        """Return the bank that sees what a stage's weights make: z, or behind the absorber a.

        Raises
        ------
        CalibrationError
            If there is neither, or a medium that nothing makes clear stands in between.
        """
        section = self.section(stage)
        bank = section.taps.z or section.taps.a
        if bank is None:
            raise CalibrationError(
                f"stages.{stage}.taps: neither z nor a; its weights cannot be measured"
            )
        if section.taps.z is None and section.absorber and not self.light.can_bypass:
            raise CalibrationError(
                f"stages.{stage}.taps: '{bank}' sees everything through the absorber, whose curve "
                "cannot be told from that of what is measured; say how the absorber is made clear "
                "(absorber.laser and absorber.bypass_detuning), or add a tap z in front of it"
            )
        return bank

    def stage_of(self, bank: str) -> str:
        """Return the stage a bank of taps belongs to."""
        return next(
            name
            for name, section in self.light.file.stages.items()
            if bank in section.taps.present().values()
        )

    def range_volts(self, bank: str) -> float:
        """Return the largest reading a bank should give in operation."""
        saturation = float(self.light.detectors(bank).saturation_volts)
        return saturation if np.isfinite(saturation) else 1.0

    def saturation_watts(self, stage: str) -> float:
        """Return the data sheet's saturation power of a stage's amplifiers, else 10 mW."""
        name = self.section(stage).amplifier
        stated = (
            None
            if name is None
            else self.light.file.instruments[name].settings.get("saturation_power")
        )
        if stated is None:
            return _ASSUMED_SATURATION_WATTS
        try:
            return parse_quantity(stated, POWER)
        except QuantityError:
            return _ASSUMED_SATURATION_WATTS

    def weak_output(self, stage: str) -> float:
        """Return the largest field behind an array of amplifiers that does not saturate it."""
        watts = _WEAK * self.saturation_watts(stage)
        return float(np.sqrt(watts / self.light.file.optics.saturation_power))

    # Provenance and adoption -----------------------------------------------------------------

    def column_light(self, stage: str) -> npt.NDArray[np.complex128]:
        """Return what a decentred slit makes of each column ``[n]``, in phase 1.

        Gains of columns are those in phase; this is what is in quadrature beside them.
        """
        count = self.hardware(stage).inputs
        centre = self.slit_centres.get(stage)
        if centre is None:
            return np.ones(count, np.complex128)
        return np.asarray(1.0 + 1j * np.tan(centre.column_radians(count)), np.complex128)

    def saturation_share(self, stage: str) -> float:
        """Return by how much, relatively, an array's gain may be off for ``weak_output``."""
        hardware = self.hardware(stage)
        return 0.0 if hardware.amplifier is None or hardware.amplifies_source else 0.5 * _WEAK

    def provenance(self, instrument: str) -> Provenance:
        """Return the provenance of a table measured now."""
        return Provenance(
            instrument,
            self.light.file.name,
            MEASURED,
            self.measured_at,
            self.valid_for_seconds,
        )

    def adopt(self, name: str, table: CalibrationTable) -> None:
        """Use a table from now on, in the protocols to come and on the bench itself."""
        in_use = self.light.bench.tables
        assert in_use is not None
        in_use.adopt(name, table)
        if isinstance(table, (EncoderTable, MirrorEncoderTable)):
            self.light.rest_volts[name] = table.dark_drive
        elif isinstance(table, CameraRegionsTable):
            self.light.camera(name).use_table(table)

    def wander(
        self,
        bank: str,
        channels: int,
        seconds: float = WANDER_SECONDS,
        *,
        with_misfit: bool = True,
    ) -> Floats:
        """Return the relative error ``[channels]`` of readings from a reference that wanders.

        What a tap reads goes with the cosine of its phase.

        Parameters
        ----------
        seconds
            For how long; by default what a protocol takes.
        with_misfit
            Whether light that is itself out of phase counts as well: it does not where readings
            of the same light are compared.
        """
        turned = self.reference_turn(seconds)
        if with_misfit:
            turned = np.hypot(turned, self.phase_misfit.get(self.stage_of(bank), 0.0))
        phases = np.zeros(channels)
        known = self.tap_phases.get(bank, phases)[:channels]
        phases[: known.size] = known
        errors: Floats = np.abs(np.tan(phases)) * turned + 0.5 * turned**2
        return errors

    def reference_turn(self, seconds: float) -> float:
        """Return the radians, rms, by which a reference wanders in a time, as far as is known.

        References of one bench are taken to wander alike: a single bank is watched for too short
        a time to tell.
        """
        rates = [*self.phase_wander.values()]
        return float(np.sqrt(np.mean(rates) * seconds)) if rates else 0.0

    def along_light(self, bank: str, light_radians: Floats) -> Floats:
        """Return by what readings ``[n]`` have to be multiplied to be those of light in phase.

        ``light_radians`` is the phase of the light; a tap at ``phi`` sees its cosine to that.
        """
        phases = np.zeros(light_radians.size)
        known = self.tap_phases.get(bank, phases)[: phases.size]
        phases[: known.size] = known
        factors: Floats = np.cos(phases) / np.cos(light_radians - phases)
        return factors

    def within_reach(self, bank: str, volts: float) -> float:
        """Return actuator volts within its limits, whole turns away if need be and possible."""
        actuator, slope = self.light.reference_phase, self.radians_per_volt.get(bank)
        if actuator is None or slope is None:
            return volts
        limit = actuator.limits()["volts"]
        turn = 2.0 * np.pi / slope
        if volts < limit.low:
            volts += turn * np.ceil((limit.low - volts) / turn)
        if volts > limit.high:
            fewer = volts - turn * np.ceil((volts - limit.high) / turn)
            volts = fewer if fewer >= limit.low else volts
        return float(np.clip(volts, limit.low, limit.high))

    def noise_in_light(self, bank: str) -> Floats:
        """Return the rms noise ``[n]`` of a shot in the light there is now, modulators at rest.

        Amplifiers add to what is there in the dark; what does not exceed that clearly is taken
        as that, which was measured better.
        """
        dark = self.banks[bank].noise_volts
        volts = self.light.take({}, [bank], _NOISE_SHOTS)[bank]
        now = volts.std(axis=0, ddof=1, dtype=np.float64)
        excess = np.median(now[self.banks[bank].usable] / dark[self.banks[bank].usable])
        return np.where(now > 0.0, now, dark) if excess > _CLEARLY_NOISIER else dark

    def turn_to_rest(self) -> None:
        """Bring the reference phases to where they stand in operation."""
        self.light.turn_references(self.rest_volts)

    def tap_table(
        self,
        bank: str,
        *,
        volts_per_field: npt.ArrayLike | None = None,
        phase_radians: npt.ArrayLike | None = None,
        covariance: dict[str, npt.ArrayLike] | None = None,
    ) -> TapTable:
        """Return a bank's table with what is given replaced and the offsets as measured."""
        old, state = self.tables.taps[bank], self.banks[bank]
        response = old.volts_per_field if volts_per_field is None else volts_per_field
        return TapTable(
            np.where(state.usable, response, 0.0),
            state.offset_volts,
            old.phase_radians if phase_radians is None else phase_radians,
            old.saturation_volts,
            provenance=self.provenance(bank),
            covariance={**old.covariance, **(covariance or {})},
        )
