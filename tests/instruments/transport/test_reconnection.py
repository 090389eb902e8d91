"""A lost box is found again where that is allowed, and told its settings before anything else."""

import pytest
from scripted_box import ScriptedBox, ScriptedWire
from scripted_session import ADDRESS, session_with

from instruments.errors import InstrumentError
from instruments.interfaces.instrument import InstrumentTimeoutError
from instruments.transport.connection import NoReplyError
from instruments.transport.session import Session
from instruments.transport.wire_errors import ConnectionLost


class TestALostBox:
    def test_that_cannot_be_reached_says_what_to_check(self):
        with pytest.raises(ConnectionLost, match=r"laser.*nobody listens.*switched on"):
            session_with(boxes=[None])

    def test_is_not_looked_for_unless_that_is_allowed(self):
        session, box, wire = session_with()
        box.open = False
        with pytest.raises(ConnectionLost, match=r"laser.*'A\?'.*cable is out.*power"):
            session.query("A?")
        assert not wire.clock.waits

    def test_is_looked_for_after_twice_as_long_each_time_and_told_its_settings(self):
        first, later = ScriptedBox({}), ScriptedBox({"A?": "again\n"})
        wire = ScriptedWire([first, None, None, later])
        session = Session("laser", ADDRESS, wire, reconnect=5).open()
        told = []
        session.restorers.append(lambda: told.append(True))
        first.open = False
        assert session.query("A?") == "again"
        assert wire.clock.waits == [0.5, 1.0, 2.0]
        assert told == [True]
        assert later.received == ["*IDN?", "A?"]

    def test_is_given_up_when_it_stays_away(self):
        first = ScriptedBox({})
        session = Session("laser", ADDRESS, ScriptedWire([first, None]), reconnect=3).open()
        first.open = False
        with pytest.raises(ConnectionLost, match="cannot be reached"):
            session.query("A?")

    def test_that_another_one_has_replaced_is_not_taken_for_it(self):
        first, other = ScriptedBox({}), ScriptedBox({"A?": "1\n"}, identity="Maker,Box,2,0")
        session = Session("laser", ADDRESS, ScriptedWire([first, other]), reconnect=1).open()
        first.open = False
        with pytest.raises(ConnectionLost, match=r"another box.*'Maker,Box,2,0'"):
            session.query("A?")
        assert "A?" not in other.received

    def test_is_not_asked_what_it_cannot_restore(self):
        first, later = ScriptedBox({}), ScriptedBox({"A?": "1\n"})
        session = Session("laser", ADDRESS, ScriptedWire([first, later]), reconnect=1).open()

        def refuse():
            raise ConnectionLost("laser: its output is off now; start anew")

        session.restorers.append(refuse)
        first.open = False
        with pytest.raises(ConnectionLost, match="start anew"):
            session.query("A?")


class TestASilentBox:
    """One that lost power does not say goodbye: its replies just stay out."""

    @staticmethod
    def falls_silent(box):
        """Let a box take what it is sent and never answer again."""
        box.on_write = lambda text: (_ for _ in ()).throw(NoReplyError())

    def test_is_looked_for_if_it_does_not_even_say_who_it_is(self):
        first, later = ScriptedBox({}), ScriptedBox({"A?": "again\n"})
        wire = ScriptedWire([first, None, later])
        session = Session("laser", ADDRESS, wire, reconnect=3).open()
        self.falls_silent(first)
        assert session.query("A?") == "again"
        assert wire.clock.waits == [0.5, 1.0]

    def test_is_only_told_where_looking_is_not_allowed(self):
        session, box, wire = session_with()
        self.falls_silent(box)
        with pytest.raises(InstrumentTimeoutError, match=r"laser.*'A\?'.*timeout"):
            session.query("A?")
        assert not wire.clock.waits

    def test_that_still_says_who_it_is_lost_a_reply_and_nothing_else(self):
        session, box, wire = session_with(reconnect=3)
        with pytest.raises(InstrumentTimeoutError, match="no answer within"):
            session.query("A?")
        assert box.received[-1] == "*IDN?"
        assert not wire.clock.waits


class TestTheSafeState:
    def test_connects_again_once_without_delay_where_looking_is_not_allowed(self):
        first, later = ScriptedBox({}), ScriptedBox({})
        wire = ScriptedWire([first, later])
        session = Session("laser", ADDRESS, wire).open()
        first.open = False
        with session.insisting("laser"):
            session.write("OUTP OFF")
        assert later.received == ["*IDN?", "OUTP OFF"]
        assert not wire.clock.waits

    def test_is_not_held_up_by_settings_that_cannot_be_restored(self):
        first, later = ScriptedBox({}), ScriptedBox({})
        session = Session("laser", ADDRESS, ScriptedWire([first, later])).open()

        def refuse():
            raise InstrumentError("laser: what was on is off")

        session.restorers.append(refuse)
        first.open = False
        with session.insisting("laser"):
            session.write("OUTP OFF")
        assert later.received[-1] == "OUTP OFF"


def test_the_pause_before_another_attempt_does_not_grow_for_ever():
    first, later = ScriptedBox({}), ScriptedBox({"A?": "1\n"})
    wire = ScriptedWire([first, *[None] * 9, later])
    session = Session("laser", ADDRESS, wire, reconnect=20).open()
    first.open = False
    session.query("A?")
    assert wire.clock.waits[-2:] == [30.0, 30.0]


def test_settings_that_were_cut_off_half_way_are_told_again():
    first, broken, later = ScriptedBox({}), ScriptedBox({}), ScriptedBox({"A?": "1\n"})
    session = Session("laser", ADDRESS, ScriptedWire([first, broken, later]), reconnect=1).open()
    told = []

    def restore():
        told.append("first half")
        if len(told) == 1:
            broken.open = False
        session.write("SECOND HALF")

    session.restorers.append(restore)
    first.open = False
    with pytest.raises(ConnectionLost):
        session.query("A?")
    assert session.query("A?") == "1"
    assert later.received == ["*IDN?", "SECOND HALF", "A?"]
