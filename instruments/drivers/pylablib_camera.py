"""A camera that pyLabLib drives: Thorlabs, Hamamatsu, PCO, Andor, uEye, Basler and others.

What is called is pyLabLib's common interface of cameras (``pylablib.devices.interface.camera``,
version 1.4.5), with the name of the external trigger mode from the settings, as it differs from
family to family. This adapter has run against a camera built on that interface, and not with a
camera on a table: run the conformance tests on yours first (docs/adding-an-instrument.md).
"""

from __future__ import annotations

import importlib
from typing import Annotated, Any, ClassVar, Self

import numpy.typing as npt
from pydantic import Field

from instruments.drivers.triggered_camera import TriggeredCamera, TriggeredCameraSettings
from instruments.errors import InstrumentError
from instruments.interfaces.instrument import Identity
from instruments.library import Library, library_for, load_library
from instruments.opening import OpeningRequest

FEWEST_BUFFERS = 2


class PylablibCameraSettings(TriggeredCameraSettings):
    """A camera and how pyLabLib finds it.

    Attributes
    ----------
    camera
        Module and class below ``pylablib.devices``: ``"Thorlabs.ThorlabsTLCamera"``,
        ``"DCAM.DCAMCamera"``, ``"PCO.PCOSC2Camera"``, ``"Andor.AndorSDK3Camera"``.
    arguments
        What the class is told, such as ``{ serial = "12345" }`` or ``{ idx = 0 }``.
    trigger_mode
        What it calls a frame at every edge of its trigger input.
    """

    camera: Annotated[str, Field(pattern=r"^\w+\.\w+$")]
    arguments: dict[str, str | int | float | bool] = Field(default_factory=dict)
    trigger_mode: str = "ext"


class PylablibGrabber:
    """A camera object of pyLabLib as a frame grabber.

    Parameters
    ----------
    camera
        The object, open.
    model
        What it is called where it does not say itself.
    trigger_mode
        Its name of the external trigger.
    """

    def __init__(self, camera: Any, model: str, trigger_mode: str) -> None:
        self._camera = camera
        self._model = model
        camera.set_trigger_mode(trigger_mode)
        camera.set_frame_format("list")
        camera.set_image_indexing("rct")
        rows, columns = camera.get_data_dimensions()
        self.shape = (int(rows), int(columns))

    def identity(self) -> Identity:
        """Return what ``get_device_info`` tells, whose fields differ from family to family."""
        info = self._camera.get_device_info()

        def told(*names: str) -> str:
            found = (str(getattr(info, name)) for name in names if getattr(info, name, None))
            return next(found, "")

        return Identity(
            told("vendor", "manufacturer") or self._model.split(".")[0],
            told("model", "camera_model", "name") or self._model.split(".")[1],
            told("serial_number", "serial"),
            told("firmware_version", "firmware", "camera_version"),
        )

    def exposure_seconds(self) -> float:
        """Ask for the exposure time."""
        return float(self._camera.get_exposure())

    def set_exposure_seconds(self, seconds: float) -> None:
        """Set the exposure time."""
        self._camera.set_exposure(seconds)

    def start(self, shots: int) -> None:
        """Take a frame at every trigger, with a buffer for each."""
        self._camera.setup_acquisition(nframes=max(shots, FEWEST_BUFFERS))
        self._camera.start_acquisition()

    def new_frames(self) -> list[npt.NDArray[Any]]:
        """Return what came since the last call."""
        return list(self._camera.read_multiple_images() or [])

    def frames_lost(self) -> int:
        """Return how many were written over before they were read."""
        return int(self._camera.get_frames_status().skipped)

    def stop(self) -> None:
        """Take no further frame."""
        self._camera.stop_acquisition()

    def close(self) -> None:
        """Give the camera up."""
        self._camera.close()


class PylablibCamera(TriggeredCamera):
    """A camera that pyLabLib drives."""

    Settings: ClassVar[type[PylablibCameraSettings]] = PylablibCameraSettings

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the camera, waiting for nothing.

        Raises
        ------
        InstrumentError
            If pyLabLib is missing, does not know the camera or does not find it, or its frames
            have another size than the file says.
        """
        own: PylablibCameraSettings = request.settings
        library = library_for(
            request, lambda: load_library(request.name, lambda: _opened(own), "pylablib")
        )
        camera = library.handle
        try:
            grabber = PylablibGrabber(camera, own.camera, own.trigger_mode)
            return cls(request, Library(grabber, library.clock, library.simulated))
        except BaseException:
            camera.close()
            raise


def _opened(own: PylablibCameraSettings) -> Any:
    family, name = own.camera.split(".")
    module = importlib.import_module(f"pylablib.devices.{family}")
    if not hasattr(module, name):
        raise InstrumentError(f"pylablib.devices.{family} has no camera '{name}'; see its manual")
    return getattr(module, name)(**own.arguments)
