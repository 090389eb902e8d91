"""What can be wrong with a box at the other end of a wire."""

from __future__ import annotations

from instruments.errors import InstrumentError


class ConnectionLost(InstrumentError):  # noqa: N818 - a state to act on, named as users know it
    """The box cannot be reached, or no longer."""


class GarbledReply(InstrumentError):  # noqa: N818
    """The box answered something that is no answer to what it was asked."""


class InstrumentComplaint(InstrumentError):  # noqa: N818
    """The box put errors in its queue."""
