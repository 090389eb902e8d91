"""Exposures that are whole or abandoned: no instrument is left armed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import TracebackType

from instruments.safe_state import SafeStep, run_step

logger = logging.getLogger(__name__)


class WholeExposures:
    """A context that abandons an exposure which failed half way.

    Parameters
    ----------
    abandon
        Stops whatever is armed.
    timeout_seconds
        How long that may take: the instrument that failed may hang again, and the light is still
        on.
    """

    def __init__(self, abandon: Callable[[], None], timeout_seconds: float) -> None:
        self._abandon = abandon
        self._timeout_seconds = timeout_seconds

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            return
        stopping = run_step(SafeStep("exposure", self._abandon, self._timeout_seconds))
        if stopping.outcome != "reached":
            logger.error(
                "an exposure could not be abandoned: %s", stopping.error or "no answer in time"
            )
