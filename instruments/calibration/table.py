"""What every calibration table has: where it comes from, an id, a file.

A file is one ``.npz`` archive: arrays of numbers and a header in JSON, nothing that is executed
on loading. It is replaced whole or not at all, and the id in its header is a checksum of all the
rest.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from instruments.errors import CalibrationError

logger = logging.getLogger(__name__)

Values = npt.NDArray[np.float64]

_FORMAT = 1
_HEADER = "header"
_VALUES = "values/"
_COVARIANCE = "covariance/"
_ID_LENGTH = 16
_DAMAGE = (
    OSError,
    EOFError,
    KeyError,
    TypeError,
    ValueError,
    RuntimeError,
    MemoryError,
    OverflowError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a table comes from.

    Parameters
    ----------
    instrument, bench
        Names of the instrument in its bench file and of the bench.
    source
        ``"nominal"`` for numbers from the bench file, ``"measured"`` or whatever else says
        from what.
    measured_at
        Date and time in ISO 8601 with a time zone; ``None`` for nominal tables.
    valid_for_seconds
        How long after that the table can be relied on; ``None`` for ever.

    Raises
    ------
    CalibrationError
        If the time is not one or the validity is not a positive number.
    """

    instrument: str
    bench: str
    source: str = "nominal"
    measured_at: str | None = None
    valid_for_seconds: float | None = None

    def __post_init__(self) -> None:
        if self.measured_at is not None:
            try:
                zone = datetime.fromisoformat(self.measured_at).tzinfo
            except ValueError:
                zone = None
            if zone is None:
                raise CalibrationError(
                    f"table of {self.instrument}: measured at {self.measured_at!r}; a date and "
                    "time with a time zone is needed, such as 2025-03-01T12:00:00+00:00"
                )
        valid = self.valid_for_seconds
        if valid is not None and (self.measured_at is None or not 0.0 < valid < math.inf):
            raise CalibrationError(
                f"table of {self.instrument}: valid for {valid:g} s from {self.measured_at}; a "
                "validity is a positive number of seconds from a time of measurement"
            )

    def age_seconds(self, now: datetime) -> float | None:
        """Return how long ago it was measured; ``None`` for a nominal table."""
        if self.measured_at is None:
            return None
        return (now - datetime.fromisoformat(self.measured_at)).total_seconds()

    def expires_at(self) -> datetime | None:
        """Return until when the table can be relied on; ``None`` if for ever."""
        if self.measured_at is None or self.valid_for_seconds is None:
            return None
        return datetime.fromisoformat(self.measured_at) + timedelta(seconds=self.valid_for_seconds)


class CalibrationTable:
    """Shared by the tables of all kinds; a table never changes once it is made.

    Parameters
    ----------
    values
        The numbers the table consists of, by the names of the constructor's arguments.
    provenance
        Where they come from.
    covariance
        Covariance arrays of fitted values; which values and in which order is up to the protocol
        that measured them and told by the names. Not used in applying a table.

    Attributes
    ----------
    id
        Checksum of everything a table says, 16 hexadecimal digits: two tables with one id are
        the same.
    """

    kind: ClassVar[str]
    required: ClassVar[frozenset[str]]
    optional: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self,
        values: Mapping[str, npt.NDArray[Any]],
        provenance: Provenance,
        covariance: Mapping[str, npt.ArrayLike] | None,
    ) -> None:
        self.provenance = provenance
        self.values = MappingProxyType({name: _frozen(value) for name, value in values.items()})
        arrays = {} if covariance is None else covariance
        self.covariance = MappingProxyType(
            {name: _frozen(self.finite(name, value)) for name, value in arrays.items()}
        )
        self.id = self._content_id()

    def __repr__(self) -> str:
        return f"<{self.kind} table {self.id} of {self.provenance.instrument}>"

    @property
    def instrument(self) -> str:
        """Name of the instrument the table belongs to."""
        return self.provenance.instrument

    def finite(self, name: str, values: npt.ArrayLike, shape: tuple[int, ...] | None = None) -> Any:
        """Return ``values`` as finite float64, of ``shape`` if one is given.

        A single number fills the shape.

        Raises
        ------
        CalibrationError
            If they are not that.
        """
        array = np.array(values, np.float64)
        if shape is not None:
            if array.ndim == 0:
                array = np.full(shape, array)
            if array.shape != shape:
                raise self.wrong(
                    f"{name} has shape {list(array.shape)}, the table needs {list(shape)}"
                )
        if not np.isfinite(array).all():
            raise self.wrong(f"{name} holds numbers that are not finite")
        return array

    def wrong(self, what: str) -> CalibrationError:
        """Return the error that says what is wrong with this table."""
        return CalibrationError(
            f"{self.kind} table of {self.provenance.instrument}: {what}; measure it again"
        )

    def to_bytes(self) -> bytes:
        """Return what a file of the table holds."""
        header = {**self._header(), "id": self.id}
        arrays: dict[str, Any] = {
            _HEADER: np.frombuffer(json.dumps(header).encode(), np.uint8),
            **{_VALUES + name: value for name, value in self.values.items()},
            **{_COVARIANCE + name: value for name, value in self.covariance.items()},
        }
        archive = io.BytesIO()
        np.savez(archive, allow_pickle=False, **arrays)
        return archive.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Return the table that ``to_bytes`` turned into bytes.

        Raises
        ------
        CalibrationError
            If they are damaged, or of a table of another kind.
        """
        try:
            return cls._parse(content)
        except _DAMAGE as error:
            raise CalibrationError(
                f"no readable {cls.kind} table ({error or type(error).__name__}); measure it again"
            ) from error

    def save(self, path: Path) -> None:
        """Write the table to ``path``, replacing what is there in one step.

        Raises
        ------
        CalibrationError
            If the file cannot be written.
        """
        content = self.to_bytes()
        partial = path.with_name(path.name + ".partial")
        try:
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except OSError as error:
            raise CalibrationError(
                f"{path}: the {self.kind} table of {self.instrument} cannot be written "
                f"({error.strerror or error}); check the folder and the space on the disk"
            ) from error

    @classmethod
    def load(
        cls,
        path: Path,
        *,
        instrument: str | None = None,
        bench: str | None = None,
        now: datetime | None = None,
        refuse_expired: bool = False,
    ) -> Self:
        """Read a table and check that it is what is asked for.

        Parameters
        ----------
        instrument, bench
            Names it has to belong to; ``None`` for any.
        now
            Time, with a time zone, at which its age is judged; ``None`` leaves that out.
        refuse_expired
            Raise for a table past its validity instead of logging a warning.

        Raises
        ------
        CalibrationError
            If the file is missing or damaged, of another kind, instrument or bench, or too old.
        """
        try:
            table = cls._parse(path.read_bytes())
        except FileNotFoundError as error:
            raise CalibrationError(
                f"{path}: there is no {cls.kind} table; measure one, or leave the calibration "
                "folder out of the bench file to use nominal tables"
            ) from error
        except CalibrationError as error:
            raise CalibrationError(f"{path}: {error}") from error
        except _DAMAGE as error:
            raise CalibrationError(
                f"{path}: no readable {cls.kind} table ({error or type(error).__name__}); "
                "delete the file and measure it again"
            ) from error
        table.check_belongs(instrument=instrument, bench=bench, where=str(path))
        if now is not None:
            table.check_age(now, where=str(path), refuse=refuse_expired)
        return table

    def check_belongs(
        self, *, instrument: str | None = None, bench: str | None = None, where: str = "table"
    ) -> None:
        """Raise ``CalibrationError`` unless it belongs to this instrument and bench."""
        own = self.provenance
        for what, found, wanted in (
            ("bench", own.bench, bench),
            ("instrument", own.instrument, instrument),
        ):
            if wanted is not None and found != wanted:
                raise CalibrationError(
                    f"{where}: {self.kind} table {self.id} belongs to {what} {found!r}, not to "
                    f"{wanted!r}; measure one here or name another calibration folder"
                )

    def check_age(self, now: datetime, *, where: str = "table", refuse: bool = False) -> bool:
        """Return whether the table can still be relied on; warn or raise if it cannot."""
        expires = self.provenance.expires_at()
        if expires is None or now <= expires:
            return True
        message = (
            f"{where}: {self.kind} table {self.id} of {self.instrument} was measured at "
            f"{self.provenance.measured_at}, for {self.provenance.valid_for_seconds:g} s; it "
            f"expired {(now - expires).total_seconds():.0f} s ago; measure it again"
        )
        if refuse:
            raise CalibrationError(message)
        logger.warning(message)
        return False

    @classmethod
    def _parse(cls, data: bytes) -> Self:
        # First the checksums of the archive: numpy would read a damaged array's header before them.
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise ValueError(f"the checksum of {damaged} is wrong")
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        header = json.loads(arrays.pop(_HEADER).tobytes().decode())
        if not isinstance(header, dict) or header.get("format") != _FORMAT:
            raise ValueError("not a calibration table of format 1")
        if header.get("kind") != cls.kind:
            raise CalibrationError(
                f"a table of kind {header.get('kind')!r} where one of kind {cls.kind!r} "
                "belongs; put the right file there"
            )
        values = _below(_VALUES, arrays)
        if not cls.required <= values.keys() <= cls.required | cls.optional:
            raise ValueError(f"it holds {sorted(values)}")
        provenance = Provenance(**header["provenance"])
        arguments: dict[str, Any] = {name: _plain(value) for name, value in values.items()}
        covariance = _below(_COVARIANCE, arrays)
        table = cls(**arguments, provenance=provenance, covariance=covariance)
        if table.id != header["id"]:
            raise ValueError(f"its content has the id {table.id}, its header says {header['id']}")
        return table

    def _header(self) -> dict[str, Any]:
        return {"format": _FORMAT, "kind": self.kind, "provenance": asdict(self.provenance)}

    def _content_id(self) -> str:
        digest = hashlib.sha256(json.dumps(self._header(), sort_keys=True).encode())
        for group in (self.values, self.covariance):
            for name, value in sorted(group.items()):
                digest.update(f"{name} {value.dtype.str} {value.shape}".encode())
                digest.update(value.tobytes())
        return digest.hexdigest()[:_ID_LENGTH]


def owner_of(path: Path) -> str | None:
    """Return the name of the bench whose table a file holds; ``None`` if it holds none."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            header = json.loads(stored[_HEADER].tobytes().decode())
        return str(header["provenance"]["bench"])
    except _DAMAGE:
        return None


def _frozen(value: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a read-only copy in a byte order and layout that does not depend on the machine."""
    if value.dtype.kind in "iu":
        copy = np.array(value, "<i8", order="C")
    else:
        copy = np.array(value, "<f8", order="C")
    copy.setflags(write=False)
    return copy


def _plain(value: npt.NDArray[Any]) -> Any:
    return value.item() if value.ndim == 0 else value


def _below(prefix: str, arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    return {
        name.removeprefix(prefix): value
        for name, value in arrays.items()
        if name.startswith(prefix)
    }
