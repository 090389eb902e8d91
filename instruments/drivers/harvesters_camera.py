"""Any GenICam camera (GigE Vision, USB3 Vision, CoaXPress) through Harvesters.

The maker's GenTL producer, a ``.cti`` file, does the transport; names of features are those of the
GenICam Standard Features Naming Convention. This adapter has run against a model of Harvesters'
``ImageAcquirer`` (version 1.4.3), and not with a camera on a table: run the conformance tests on
yours first (docs/adding-an-instrument.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

from instruments.drivers.triggered_camera import TriggeredCamera, TriggeredCameraSettings
from instruments.interfaces.instrument import Identity
from instruments.library import Library, library_for, load_library, translated_errors
from instruments.opening import OpeningRequest

MICROSECONDS = 1e6
# How long a look for the next frame may take: a frame that is there comes at once.
LOOK_SECONDS = 1e-3


class HarvestersCameraSettings(TriggeredCameraSettings):
    """A camera and the GenTL producer that reaches it.

    Attributes
    ----------
    producer
        The maker's ``.cti`` file.
    serial_number
        Of the camera, where the producer sees several.
    trigger_source
        Input at which triggers come.
    pixel_format
        By GenICam's name.
    """

    producer: Path
    serial_number: str | None = None
    trigger_source: str = "Line1"
    pixel_format: Annotated[str, Field(pattern=r"^Mono\d+$")] = "Mono12"


class HarvestersGrabber:
    """An image acquirer of Harvesters as a frame grabber.

    Parameters
    ----------
    instrument
        Name for the messages.
    acquirer
        The object.
    own
        How to set the camera up.
    """

    def __init__(self, instrument: str, acquirer: Any, own: HarvestersCameraSettings) -> None:
        self._instrument = instrument
        self._acquirer = acquirer
        self._lost = 0
        with translated_errors(instrument, "setting the camera up"):
            nodes = acquirer.remote_device.node_map
            self._nodes = nodes
            nodes.PixelFormat.value = own.pixel_format
            nodes.AcquisitionMode.value = "Continuous"
            nodes.TriggerSelector.value = "FrameStart"
            nodes.TriggerSource.value = own.trigger_source
            nodes.TriggerMode.value = "On"
            nodes.ExposureMode.value = "Timed"
            self.shape = (int(nodes.Height.value), int(nodes.Width.value))

    def identity(self) -> Identity:
        """Return what the camera tells of itself."""
        nodes = self._nodes
        with translated_errors(self._instrument, "asking who it is"):
            firmware = getattr(nodes, "DeviceFirmwareVersion", None)
            return Identity(
                str(nodes.DeviceVendorName.value),
                str(nodes.DeviceModelName.value),
                str(nodes.DeviceSerialNumber.value),
                "" if firmware is None else str(firmware.value),
            )

    def exposure_seconds(self) -> float:
        """Ask for the exposure time; cameras count in microseconds."""
        with translated_errors(self._instrument, "ExposureTime"):
            return float(self._nodes.ExposureTime.value) / MICROSECONDS

    def set_exposure_seconds(self, seconds: float) -> None:
        """Set the exposure time."""
        with translated_errors(self._instrument, "ExposureTime"):
            self._nodes.ExposureTime.value = seconds * MICROSECONDS

    def start(self, shots: int) -> None:
        """Take a frame at every trigger, with a buffer for each."""
        self._lost = 0
        with translated_errors(self._instrument, "start"):
            self._acquirer.num_buffers = max(shots, self._acquirer.min_num_buffers)
            self._acquirer.start()

    def new_frames(self) -> list[npt.NDArray[Any]]:
        """Return what came since the last call."""
        frames = []
        with translated_errors(self._instrument, "fetching frames"):
            while self._acquirer.is_acquiring():
                buffer = self._acquirer.try_fetch(timeout=LOOK_SECONDS)
                if buffer is None:
                    break
                try:
                    components = buffer.payload.components
                    if not components:
                        # A frame of which packets are missing.
                        self._lost += 1
                        continue
                    one = components[0]
                    frames.append(np.array(one.data).reshape(one.height, one.width))
                finally:
                    buffer.queue()
        return frames

    def frames_lost(self) -> int:
        """Return how many came without their pixels."""
        return self._lost

    def stop(self) -> None:
        """Take no further frame."""
        with translated_errors(self._instrument, "stop"):
            self._acquirer.stop()

    def close(self) -> None:
        """Give the camera up."""
        with translated_errors(self._instrument, "destroy"):
            self._acquirer.destroy()


class HarvestersCamera(TriggeredCamera):
    """A GenICam camera."""

    Settings: ClassVar[type[HarvestersCameraSettings]] = HarvestersCameraSettings

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the camera, waiting for nothing.

        Raises
        ------
        InstrumentError
            If Harvesters is missing, the producer is not there or sees no such camera, or its
            frames have another size than the file says.
        """
        own: HarvestersCameraSettings = request.settings
        library = library_for(
            request, lambda: load_library(request.name, lambda: _opened(own), "harvesters")
        )
        acquirer = library.handle
        try:
            grabber = HarvestersGrabber(request.name, acquirer, own)
            return cls(request, Library(grabber, library.clock, library.simulated))
        except BaseException:
            acquirer.destroy()
            raise


class OwnedAcquirer:
    """An image acquirer together with the ``Harvester`` it came from, which ends with it."""

    def __init__(self, harvester: Any, acquirer: Any) -> None:
        self._harvester = harvester
        self._acquirer = acquirer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._acquirer, name)

    @property
    def num_buffers(self) -> int:
        """How many frames the producer can keep."""
        return int(self._acquirer.num_buffers)

    @num_buffers.setter
    def num_buffers(self, count: int) -> None:
        self._acquirer.num_buffers = count

    def destroy(self) -> None:
        """Give the camera and the producer up."""
        self._acquirer.destroy()
        self._harvester.reset()


def _opened(own: HarvestersCameraSettings) -> Any:
    from harvesters.core import Harvester

    harvester = Harvester()
    harvester.add_file(str(own.producer), check_existence=True, check_validity=True)
    harvester.update()
    wanted = 0 if own.serial_number is None else {"serial_number": own.serial_number}
    return OwnedAcquirer(harvester, harvester.create(wanted))
