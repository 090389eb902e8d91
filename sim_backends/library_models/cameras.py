"""Cameras of vendors' libraries on a simulated bench, as pyLabLib and as Harvesters offer them."""

from __future__ import annotations

from collections import deque
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from instruments.library import Library
from instruments.opening import OpeningRequest
from sim_backends.library_models.stand_in_library import stand_in_library
from sim_backends.simulated.camera import SimulatedCamera

Frame = npt.NDArray[np.uint16]

_MICROSECONDS = 1e6


class CameraInfo(NamedTuple):
    """What ``get_device_info`` tells."""

    vendor: str
    model: str
    serial_number: str


class FramesStatus(NamedTuple):
    """What ``get_frames_status`` tells, as pyLabLib's ``TFramesStatus``."""

    acquired: int
    unread: int
    skipped: int
    buffer_size: int


class PylablibCameraModel:
    """A camera of the twin with the methods of ``pylablib.devices.interface.camera``.

    Parameters
    ----------
    camera
        The camera.
    """

    def __init__(self, camera: SimulatedCamera) -> None:
        self._camera = camera
        self._buffers = 0
        self._acquired = 0

    def set_trigger_mode(self, mode: str) -> None:
        """Take the trigger mode; this one has its trigger anyway."""

    def set_frame_format(self, fmt: str) -> None:
        """Take the format of frames, a list of arrays."""

    def set_image_indexing(self, indexing: str) -> None:
        """Take the order of axes, rows first."""

    def get_data_dimensions(self) -> tuple[int, int]:
        """Return rows and columns."""
        return self._camera.rows, self._camera.columns

    def get_device_info(self) -> CameraInfo:
        """Return who it is."""
        found = self._camera.identity()
        return CameraInfo(found.manufacturer, found.model, found.serial)

    def get_exposure(self) -> float:
        """Return the exposure time in seconds."""
        return self._camera.exposure_seconds()

    def set_exposure(self, exposure: float) -> None:
        """Set the exposure time in seconds."""
        self._camera.set_exposure_seconds(exposure)

    def setup_acquisition(self, nframes: int = 100) -> None:
        """Make room for frames."""
        self._buffers = nframes

    def start_acquisition(self) -> None:
        """Take a frame at every trigger."""
        self._acquired = 0
        self._camera.arm(self._buffers)

    def read_multiple_images(self) -> list[Frame]:
        """Return the frames that were not read yet."""
        frames = list(self._camera.take_new_frames())
        self._acquired += len(frames)
        return frames

    def get_frames_status(self) -> FramesStatus:
        """Return how many frames came and how many of them are lost: none."""
        return FramesStatus(self._acquired, 0, 0, self._buffers)

    def stop_acquisition(self) -> None:
        """Take no further frame."""
        self._camera.stop()

    def close(self) -> None:
        """Give the camera up."""
        self._camera.close()


class _Node:
    """A feature of a GenICam camera that holds what it is told."""

    def __init__(self, value: Any) -> None:
        self.value = value


class _ExposureNode:
    """The exposure time in microseconds."""

    def __init__(self, camera: SimulatedCamera) -> None:
        self._camera = camera

    @property
    def value(self) -> float:
        """The time."""
        return self._camera.exposure_seconds() * _MICROSECONDS

    @value.setter
    def value(self, microseconds: float) -> None:
        self._camera.set_exposure_seconds(microseconds / _MICROSECONDS)


class GenicamAcquirer:
    """A camera of the twin with the methods of Harvesters' ``ImageAcquirer``.

    Parameters
    ----------
    camera
        The camera.
    """

    min_num_buffers = 3

    def __init__(self, camera: SimulatedCamera) -> None:
        self._camera = camera
        self._acquiring = False
        self._filled: deque[Frame] = deque()
        self.num_buffers = self.min_num_buffers
        found = camera.identity()
        nodes = SimpleNamespace(
            Height=_Node(camera.rows),
            Width=_Node(camera.columns),
            DeviceVendorName=_Node(found.manufacturer),
            DeviceModelName=_Node(found.model),
            DeviceSerialNumber=_Node(found.serial),
            PixelFormat=_Node("Mono8"),
            AcquisitionMode=_Node("SingleFrame"),
            TriggerSelector=_Node("AcquisitionStart"),
            TriggerSource=_Node("Software"),
            TriggerMode=_Node("Off"),
            ExposureMode=_Node("Off"),
            ExposureTime=_ExposureNode(camera),
        )
        self.remote_device = SimpleNamespace(node_map=nodes)

    def start(self) -> None:
        """Take a frame at every trigger, if that is how the camera is set."""
        nodes = self.remote_device.node_map
        wanted = (nodes.TriggerSelector.value, nodes.TriggerMode.value)
        self._acquiring = True
        if wanted == ("FrameStart", "On"):
            self._camera.arm(self.num_buffers)

    def is_acquiring(self) -> bool:
        """Whether frames are taken."""
        return self._acquiring

    def try_fetch(self, *, timeout: float) -> Any:
        """Return a filled buffer, or ``None`` where none comes in time."""
        self._filled.extend(self._camera.take_new_frames())
        if not self._filled:
            return None
        frame = self._filled.popleft()
        component = SimpleNamespace(
            data=frame.reshape(-1), height=frame.shape[0], width=frame.shape[1]
        )
        return SimpleNamespace(payload=SimpleNamespace(components=[component]), queue=lambda: None)

    def stop(self) -> None:
        """Take no further frame."""
        self._acquiring = False
        self._filled.clear()
        self._camera.stop()

    def destroy(self) -> None:
        """Give the camera up."""
        self._camera.close()


def pylablib_camera(request: OpeningRequest[Any]) -> Library[PylablibCameraModel]:
    """Return the object of a camera that pyLabLib drives.

    Raises
    ------
    BenchFileError
        If the settings do not make a simulated camera.
    """
    return stand_in_library(request, SimulatedCamera.open, PylablibCameraModel)


def genicam_acquirer(request: OpeningRequest[Any]) -> Library[GenicamAcquirer]:
    """Return the object of a camera that Harvesters drives; errors as of ``pylablib_camera``."""
    return stand_in_library(request, SimulatedCamera.open, GenicamAcquirer)
