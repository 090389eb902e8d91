"""The adapters in front of the libraries themselves, as far as these run without a device.

They are extras of the package and not installed for the ordinary tests; `.ci/run` installs them:
``pip install -e ".[test,vialux,pylablib,harvesters,slmsuite]"``.
"""

import importlib
import inspect
import sys
from collections import deque
from types import SimpleNamespace

import numpy as np
import pytest
from simulated_bench import TIMEOUT
from wire_bench import LIBRARY_SETTINGS, wire_bench_file

from instruments.clock import WallClock
from instruments.drivers.harvesters_camera import HarvestersGrabber
from instruments.drivers.pylablib_camera import PylablibCamera, PylablibGrabber
from instruments.drivers.slmsuite_panel import SlmsuitePanel
from instruments.errors import InstrumentError
from instruments.interfaces.block_geometry import BlockGeometry
from instruments.interfaces.instrument import InstrumentTimeoutError
from instruments.interfaces.spatial_light_modulator import BlockPattern, expand_blocks
from instruments.library import Library, load_library
from instruments.opening import SharedResources, prepare_instrument
from sim_backends.library_models.cameras import GenicamAcquirer, PylablibCameraModel

ROWS, COLUMNS = 45, 54


def request_of(name, driver, **settings):
    bench = wire_bench_file(libraries={name: driver}, settings={name: settings}, wire="real")
    return prepare_instrument(bench, name, SharedResources()).request


def guarded(name, handle):
    return Library(load_library(name, lambda: handle, "extra"), WallClock(), simulated=True)


@pytest.fixture
def simulated_slm():
    """slmsuite's own simulated panel, which keeps what it would send to the hardware."""
    simulated = pytest.importorskip("slmsuite.hardware.slms.simulated")

    class Panel(simulated.SimulatedSLM):
        def close(self):
            self.closed = True

    return lambda bits: Panel((COLUMNS, ROWS), bitdepth=bits, name="on paper")


@pytest.mark.parametrize("bits", [8, 10])
def test_slmsuite_hands_grey_levels_on_as_they_are(simulated_slm, bits):
    slm = simulated_slm(bits)
    # Neither the vendor's flatness correction nor a conversion from phase may touch them.
    slm.source["phase"] = np.ones(slm.shape)
    levels = 2**bits
    request = request_of("slm_1", "slmsuite panel", bit_depth=bits, levels_per_wave=levels)
    panel = SlmsuitePanel(request, guarded("slm_1", slm))
    geometry = BlockGeometry(5, 6, 9, 9)
    generator = np.random.default_rng(1)
    pattern = BlockPattern(
        generator.integers(0, levels + 1, geometry.shape).astype(np.uint16),
        generator.integers(0, levels, geometry.shape).astype(np.uint16),
        geometry,
        9,
        levels_per_wave=levels,
    )
    panel.show_blocks(pattern)
    panel.wait_until_settled(TIMEOUT)
    expected = expand_blocks(pattern, np.empty((ROWS, COLUMNS), slm.dtype))
    np.testing.assert_array_equal(slm.display, expected)
    panel.make_safe()
    assert not slm.display.any()
    panel.close()
    assert slm.closed


def test_a_panel_of_slmsuite_with_other_bits_than_the_file_says_is_refused(simulated_slm):
    request = request_of("slm_1", "slmsuite panel", bit_depth=10, levels_per_wave=1024)
    with pytest.raises(InstrumentError, match="the panel has 8 bits; the bench file says 10"):
        SlmsuitePanel(request, guarded("slm_1", simulated_slm(8)))


@pytest.fixture
def triggered_camera():
    """A camera made of pyLabLib's base class, its counters and rules; only frames are ours."""
    interface = pytest.importorskip("pylablib.devices.interface.camera")

    class TriggeredCamera(interface.IExposureCamera):
        def __init__(self):
            super().__init__()
            self.running = False
            self.taken = 0
            self.exposure = 1e-3
            self.mode = "int"
            self.waiting = deque()

        def set_trigger_mode(self, mode):
            self.mode = mode

        def get_device_info(self):
            return ("TSI", "CS165MU", "12345")

        def get_exposure(self):
            return self.exposure

        def set_exposure(self, exposure):
            self.exposure = exposure

        def get_detector_size(self):
            return (96, 64)

        def _get_data_dimensions_rc(self):
            return (64, 96)

        def setup_acquisition(self, nframes=100):
            self.stop_acquisition()
            super().setup_acquisition(nframes=nframes)

        def start_acquisition(self, *arguments, **named):
            super().start_acquisition(*arguments, **named)
            self._frame_counter.reset(self._acq_params["nframes"])
            self.running, self.taken = True, 0
            self.frames = []

        def stop_acquisition(self):
            self.running = False

        def acquisition_in_progress(self):
            return self.running

        def _get_acquired_frames(self):
            return self.taken

        def _read_frames(self, rng, return_info=False):
            return [self.frames[place] for place in range(*rng)], None

        def trigger(self, frame):
            if self.running and self.mode == "ext":
                self.frames.append(frame)
                self.taken += 1

        def close(self):
            self.closed = True

    return TriggeredCamera()


def opened(camera):
    request = request_of("camera", "pylablib camera")
    library = guarded("camera", camera)
    grabber = PylablibGrabber(library.handle, request.settings.camera, "ext")
    return PylablibCamera(request, Library(grabber, library.clock, simulated=True))


def test_frames_come_out_of_pylablib_in_order_and_are_counted(triggered_camera):
    camera = opened(triggered_camera)
    frames = np.random.default_rng(1).integers(0, 4096, (5, 64, 96)).astype(np.uint16)
    for count in (5, 2):
        before = camera.frame_counter()
        triggered_camera.trigger(frames[0])
        camera.arm(count)
        for frame in frames[:count]:
            triggered_camera.trigger(frame)
        np.testing.assert_array_equal(camera.read_frames(TIMEOUT), frames[:count])
        assert camera.frame_counter() == before + count
    camera.set_exposure_seconds(2e-3)
    assert triggered_camera.exposure == 2e-3
    camera.close()
    assert triggered_camera.closed


def test_frames_that_pylablib_wrote_over_are_an_error_and_not_a_gap(triggered_camera):
    camera = opened(triggered_camera)
    camera.arm(3)
    frame = np.zeros((64, 96), np.uint16)
    for _ in range(5):
        triggered_camera.trigger(frame)
    with pytest.raises(InstrumentError, match="camera: 2 frames were taken and lost"):
        camera.read(TIMEOUT)


def test_what_pylablib_raises_names_the_instrument(triggered_camera):
    camera = opened(triggered_camera)

    def fail(exposure):
        raise triggered_camera.Error("USB transfer failed")

    triggered_camera.set_exposure = fail
    with pytest.raises(InstrumentError, match=r"camera: its library failed at set_exposure: .*USB"):
        camera.set_exposure_seconds(1e-3)


def test_without_triggers_a_camera_says_how_many_frames_came(triggered_camera):
    camera = opened(triggered_camera)
    camera.arm(3)
    triggered_camera.trigger(np.zeros((64, 96), np.uint16))
    with pytest.raises(InstrumentTimeoutError, match=r"camera: 1 of 3 frames came within 0\.01 s"):
        camera.read(0.01)


def parameters(function):
    return {
        name: one.kind
        for name, one in inspect.signature(function).parameters.items()
        if name != "self"
    }


def test_the_models_have_what_pylablib_s_cameras_have():
    interface = pytest.importorskip("pylablib.devices.interface.camera")
    status = tuple(interface.TFramesStatus._fields)
    model = PylablibCameraModel.__new__(PylablibCameraModel)
    model._acquired = model._buffers = 0
    assert status == model.get_frames_status()._fields
    for name in (
        *("set_frame_format", "set_image_indexing", "get_data_dimensions", "get_exposure"),
        *("set_exposure", "setup_acquisition", "start_acquisition", "read_multiple_images"),
        *("get_frames_status", "stop_acquisition", "close"),
    ):
        assert callable(getattr(interface.IExposureCamera, name)), name


@pytest.mark.parametrize(
    "family", ["Thorlabs.ThorlabsTLCamera", "DCAM.DCAMCamera", "Andor.AndorSDK3Camera"]
)
def test_pylablib_s_families_are_called_as_they_want_to_be(family):
    """Their modules load without the makers' libraries; their classes say what they take."""
    devices = pytest.importorskip("pylablib.devices")
    module, name = family.split(".")
    camera = getattr(importlib.import_module(f"{devices.__name__}.{module}"), name)
    assert list(parameters(camera.set_trigger_mode)) == ["mode"]
    assert "nframes" in parameters(camera.setup_acquisition)


def test_the_models_have_what_harvesters_acquirers_have():
    core = pytest.importorskip("harvesters.core")
    real = core.ImageAcquirer
    assert "timeout" in parameters(real.try_fetch)
    assert parameters(real.try_fetch)["timeout"] is inspect.Parameter.KEYWORD_ONLY
    assert parameters(GenicamAcquirer.try_fetch)["timeout"] is inspect.Parameter.KEYWORD_ONLY
    for name in ("start", "stop", "destroy", "is_acquiring"):
        needed = [
            one
            for one in list(inspect.signature(getattr(real, name)).parameters.values())[1:]
            if one.default is inspect.Parameter.empty
        ]
        assert needed == [], name
    assert real.num_buffers.fset is not None
    assert isinstance(real.min_num_buffers, property)
    assert isinstance(core.Component2DImage.height, property)
    assert "check_validity" in parameters(core.Harvester.add_file)
    assert "search_key" in parameters(core.Harvester.create)


def test_a_genicam_frame_without_its_pixels_counts_as_lost():
    given_back = []
    buffer = SimpleNamespace(
        payload=SimpleNamespace(components=[]), queue=lambda: given_back.append(True)
    )
    buffers = deque([buffer, None])

    class Nodes:
        def __getattr__(self, name):
            self.__dict__[name] = SimpleNamespace(value=8)
            return self.__dict__[name]

    acquirer = SimpleNamespace(
        remote_device=SimpleNamespace(node_map=Nodes()),
        is_acquiring=lambda: True,
        try_fetch=lambda *, timeout: buffers.popleft(),
    )
    own = request_of(
        "camera", "harvesters camera", **LIBRARY_SETTINGS["harvesters camera"]
    ).settings
    grabber = HarvestersGrabber("camera", acquirer, own)
    assert grabber.new_frames() == []
    assert grabber.frames_lost() == 1
    assert given_back == [True]


@pytest.mark.parametrize(
    ("name", "driver", "module", "extra"),
    [
        ("slm_1", "slmsuite panel", "slmsuite", "slmsuite"),
        ("camera", "pylablib camera", "pylablib", "pylablib"),
        ("camera", "harvesters camera", "harvesters", "harvesters"),
    ],
)
def test_without_its_library_a_driver_says_what_to_install(
    monkeypatch, name, driver, module, extra
):
    loaded = [one for one in sys.modules if one.split(".")[0] == module]
    for one in [module, *loaded]:
        monkeypatch.setitem(sys.modules, one, None)
    bench = wire_bench_file(libraries={name: driver}, wire="real")
    with pytest.raises(InstrumentError, match=rf'pip install "backbeam\[{extra}\]"'):
        prepare_instrument(bench, name, SharedResources()).open()
