"""The exceptions a caller can act on.

Every message is one line that says which file or instrument, what was found, what is
allowed and what to do. The command prints that line and leaves with ``exit_code``.
"""

from __future__ import annotations


class BackbeamError(Exception):
    """Anything the user can put right. The command prints it without a traceback."""

    exit_code = 2


class SettingsError(BackbeamError):
    """An option or a setting has a value that is not allowed."""


class DataError(BackbeamError):
    """A data file is missing, damaged or does not hold what it should."""


class RecordError(BackbeamError):
    """A run cannot be written, read or resumed."""


class NetworkError(BackbeamError):
    """A network was given something that does not fit it (shapes, values, order of calls)."""


class TrainingError(BackbeamError):
    """Training cannot go on, for instance because the loss is no longer a number."""

    exit_code = 1


class GradientError(TrainingError):
    """The gradient that is measured points elsewhere than it should, and noise is not why."""


class BenchFileError(BackbeamError):
    """A bench file says something that cannot be."""


class CalibrationError(BackbeamError):
    """A calibration table is missing, damaged, too old or from another bench."""


class InstrumentError(BackbeamError):
    """An instrument is missing, refused a command, or did not answer in time."""

    exit_code = 3


class FrameSlipError(InstrumentError):
    """Modulators and detectors are out of step, and repeating the exposure did not help."""


class ExposureLostError(InstrumentError):
    """A box was lost during an exposure and is back as it was; the exposure has to be repeated."""


class LimitError(InstrumentError):
    """A value outside an instrument's limits was asked for; nothing was sent."""


class InstallationError(BackbeamError):
    """Another distribution's package stands where one of backbeam's should be."""
