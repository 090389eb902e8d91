"""A connection through PyVISA, whatever backend is behind it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pyvisa
from pyvisa.constants import InterfaceType, ResourceAttribute, StatusCode
from pyvisa.resources import MessageBasedResource

from instruments.transport.addresses import EXAMPLES, is_resource_string
from instruments.transport.connection import ConnectionLostError, NoReplyError

# One read takes a whole record; backends that fill their buffer anew for each call copy less.
_CHUNK = 1 << 20
_SOCKET = "SOCKET"


class VisaConnection:
    """A resource of PyVISA.

    Parameters
    ----------
    manager
        Opens it.
    address
        Its resource string.
    timeout_seconds
        How long a write or read may take.
    end
        With what messages end, either way.
    baud_rate
        Of a serial line; other interfaces take no notice.

    Raises
    ------
    ConnectionLostError
        If it cannot be opened.
    """

    def __init__(
        self,
        manager: pyvisa.ResourceManager,
        address: str,
        timeout_seconds: float,
        end: bytes = b"\n",
        baud_rate: int | None = None,
    ) -> None:
        try:
            resource = manager.open_resource(address)
        except (pyvisa.Error, OSError, ValueError) as error:
            raise ConnectionLostError(*_why_not_opened(address, error)) from error
        if not isinstance(resource, MessageBasedResource):
            resource.close()
            raise ConnectionLostError(f"'{address}' is no resource that takes messages")
        self._resource = resource
        serial = resource.interface_type == InterfaceType.asrl
        self.is_stream = serial or resource.resource_class == _SOCKET
        self.set_timeout(timeout_seconds)
        # Only a stream needs it; elsewhere a line feed inside a block would end a read early.
        resource.read_termination = end.decode() if self.is_stream else None
        if serial and baud_rate is not None:
            resource.set_visa_attribute(ResourceAttribute.asrl_baud_rate, baud_rate)

    def write(self, message: bytes) -> None:
        """Send a message."""
        try:
            self._resource.write_raw(message)
        except (pyvisa.Error, OSError) as error:
            raise _failure(error) from error

    def read_message(self) -> bytes:
        """Return what comes up to a terminator or the end of the message."""
        try:
            return self._resource.read_raw(_CHUNK)
        except (pyvisa.Error, OSError) as error:
            raise _failure(error) from error

    def read_bytes(self, count: int) -> bytes:
        """Return exactly ``count`` bytes."""
        try:
            return self._resource.read_bytes(count, chunk_size=_CHUNK)
        except (pyvisa.Error, OSError) as error:
            raise _failure(error) from error

    def set_timeout(self, seconds: float) -> None:
        """Set how long a write or read may take."""
        self._resource.timeout = 1e3 * seconds

    def clear(self) -> None:
        """Send a device clear; on a serial line and others without one, read what is there."""
        with suppress(pyvisa.Error, OSError, NotImplementedError):
            self._resource.clear()

    def close(self) -> None:
        """Close."""
        with suppress(pyvisa.Error, OSError):
            self._resource.close()


def _why_not_opened(address: str, error: Any) -> tuple[str, str]:
    """Return what is wrong and what to do, as far as that is known."""
    if not is_resource_string(address):
        return "VISA knows no such address", f"write it as in {EXAMPLES}"
    if isinstance(error, ValueError) and "install" in str(error):
        # PyVISA-py says so where the package for an interface is missing.
        wanted = "'backbeam[usb]'" if address.upper().startswith("USB") else "what it names"
        return (
            f"this computer lacks what the interface needs ({_on_one_line(str(error))})",
            f"pip install {wanted}, or install a vendor's VISA",
        )
    return _reason(error), ""


def _on_one_line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


def _failure(error: Any) -> Exception:
    if isinstance(error, pyvisa.VisaIOError) and error.error_code == StatusCode.error_timeout:
        return NoReplyError()
    return ConnectionLostError(_reason(error))


def _reason(error: Any) -> str:
    if isinstance(error, pyvisa.VisaIOError):
        return str(error.description).rstrip(".").lower() or str(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error)
