"""``backbeam align``: lines in, readings out, and the bench safe however it ends."""

import io
import signal

import pytest

from instruments.bench_file.reading import built_in_text
from sim_backends.simulated.laser import SimulatedLaser
from sim_backends.simulated.shutter import SimulatedShutter
from sim_backends.simulated.simulated_instrument import SimulatedInstrument
from sim_backends.twin.twin import Twin

LIGHT = ["laser on", "open all", "current first 60 mA", "show first all", "light inputs all"]


@pytest.fixture
def lit(monkeypatch):
    """Whether the laser was on, and which instruments were made safe after that."""
    seen = {"was on": False, "made safe": []}
    switch, go_safe = SimulatedLaser.set_enabled, SimulatedInstrument.make_safe

    def set_enabled(self, enabled):
        switch(self, enabled)
        seen["was on"] |= enabled
        seen["made safe"].clear()

    def make_safe(self):
        go_safe(self)
        seen["made safe"].append(self.name)

    monkeypatch.setattr(SimulatedLaser, "set_enabled", set_enabled)
    monkeypatch.setattr(SimulatedInstrument, "make_safe", make_safe)
    return seen


@pytest.fixture
def align(backbeam, here):
    """Call the command with lines in a file."""

    def call(*lines, bench="digits"):
        (here / "lines.txt").write_text("\n".join(lines), encoding="utf-8")
        return backbeam("align", bench, "--commands", "lines.txt")

    return call


def rows(done, first):
    """Words of the first line that begins with ``first``."""
    return next(line.split() for line in done.out.splitlines() if line.split()[:1] == [first])


def is_safe(lit):
    return lit["was on"] and {"laser", "pump_shutter", "inputs"} <= set(lit["made safe"])


def test_lines_light_the_bench_and_read_it(align, lit):
    done = align(*LIGHT, "show first row 7", "light inputs 0 1 2", "read taps_z")
    assert done.code == 0, done.err
    assert "channel 7" in next(line for line in done.out.splitlines() if "taps_z" in line[:10])
    assert done.out.splitlines()[-1] == "bench digits is safe"
    assert is_safe(lit)


def test_one_input_is_seen_by_all_taps(align):
    done = align(*LIGHT[:3], "input 5", "dark", "read taps_z", "input 5 0V", "read taps_z")
    readings = [
        float(words[1])
        for words in (line.split() for line in done.out.splitlines())
        if len(words) == 5 and words[0].isdecimal() and words[2] == "mV"
    ]
    # With the modulator at 0 V microvolts are left.
    assert len(readings) >= 48
    assert min(readings[:48]) > 5


def test_lines_come_through_a_pipe_as_well(backbeam, here, lit, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("# morning\n\nlaser on\nstatus\n"))
    done = backbeam("align")
    assert done.code == 0, done.err
    assert "on, not locked" in done.out
    assert is_safe(lit)


def test_quit_leaves_before_the_lines_end(align, lit):
    done = align("laser on", "quit", "nonsense")
    assert done.code == 0
    assert is_safe(lit)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("lamp on", "there is no line 'lamp'"),
        ("opne all", "did you mean 'open'"),
        ("open pump", "open: found 'pump'; write 'open ARM ...'"),
        ("show first row", "show: write 'show STAGE"),
        ("show first row x", "show: found 'x'; give a number"),
        ("show first row 48", "row: found 48; there are 48"),
        ("light inputs all 9 V", "inputs: volts of 9 V asked for"),
        ("light inputs all 1.5", "'1.5' has no unit"),
        ("light all", "light: say which: 'inputs', 'errors'"),
        ("current first 300 mA", "amplifier_1: "),
        ("oven 200 degC", "oven: "),
        ("turn taps 1 V", "did you mean 'taps_z'"),
        ("read taps_x", "nothing to read at 'taps_x'"),
        ("exposure camera 1 ms", "there is no camera 'camera'"),
        ("watch", "say how many times"),
        ("show 'first", "No closing quotation"),
    ],
)
def test_a_line_that_cannot_be_ends_a_script_with_the_bench_safe(align, lit, line, words):
    done = align("laser on", line, "status")
    assert done.code in (2, 3)
    assert words in done.err
    assert "not locked" not in done.out
    assert is_safe(lit)


class Person:
    """Somebody at a terminal who types lines, then something happens."""

    def __init__(self, lines, end=EOFError):
        self.lines, self.end = iter(lines), end

    def __call__(self, prompt):
        for line in self.lines:
            return line
        if callable(self.end) and not isinstance(self.end, type):
            self.end()
        raise self.end if isinstance(self.end, type) else EOFError


@pytest.fixture
def typed(backbeam, here, monkeypatch):
    def call(*lines, end=EOFError):
        monkeypatch.setattr("protocols.commands.align._is_terminal", lambda: True)
        monkeypatch.setattr("builtins.input", Person(lines, end))
        return backbeam("align")

    return call


def test_a_person_sees_readings_after_every_line_and_may_mistype(typed, lit):
    done = typed("laser on", "opne all", "open all", "current first 60mA")
    assert done.code == 0, done.err
    assert "not done: there is no line 'opne'; did you mean 'open'?" in done.out
    assert sum("taps_z" in line for line in done.out.splitlines()) == 3
    assert is_safe(lit)


def test_help_names_every_line(typed):
    done = typed("help")
    for word in ("laser", "show", "light", "input", "watch", "fringes", "regions", "quit"):
        assert any(line.strip().startswith(word) for line in done.out.splitlines()), word


def test_ctrl_c_makes_the_bench_safe(typed, lit):
    assert typed("laser on", end=KeyboardInterrupt).code == 130
    assert is_safe(lit)


@pytest.mark.skipif(not hasattr(signal, "SIGTERM"), reason="no such signal here")
def test_sigterm_makes_the_bench_safe(typed, lit):
    done = typed("laser on", end=lambda: signal.raise_signal(signal.SIGTERM))
    assert done.code == 128 + signal.SIGTERM
    assert is_safe(lit)


def test_an_instrument_that_fails_is_said_and_the_rest_made_safe(align, lit, monkeypatch):
    def fail(self, is_open):
        raise OSError("the cable is out")

    monkeypatch.setattr(SimulatedShutter, "set_open", fail)
    done = align("laser on", "open all")
    assert done.code != 0
    assert "laser" in lit["made safe"]


def test_safe_switches_everything_off_and_stays(align, monkeypatch):
    done = align(*LIGHT, "safe", "status", "laser on", "read taps_z")
    assert done.code == 0, done.err
    assert "safe state reached" in done.out
    assert ["arm", "forward", "shut"] in [line.split() for line in done.out.splitlines()]


def test_a_bench_with_tables_of_another_can_be_aligned(align, here):
    """Tables may be what is wrong: they are not looked at."""
    (here / "tables").mkdir()
    (here / "tables" / "encoder-inputs.npz").write_bytes(b"no table")
    text = built_in_text("digits") + '\n[calibration]\nfolder = "tables"\n'
    (here / "lab.toml").write_text(text, encoding="utf-8")
    assert align("status", bench="lab.toml").code == 0


def test_fringes_and_watching_are_printed(align, monkeypatch):
    exposures = []
    expose = Twin.expose
    monkeypatch.setattr(
        Twin, "expose", lambda self, *given: exposures.append(1) or expose(self, *given)
    )
    done = align(*LIGHT[:3], "input 3", "fringes first", "watch taps_z 3")
    assert done.code == 0, done.err
    assert "balanced" in done.out
    assert sum(line.split()[:1] == ["taps_z"] for line in done.out.splitlines()) == 4
    assert len(exposures) >= 8 + 3
