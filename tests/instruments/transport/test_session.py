"""A session stays in step with its box, or says what is wrong and what to do."""

import logging
import threading

import numpy as np
import pytest
from scripted_box import IDENTITY, ScriptedBox, ScriptedWire

from instruments.errors import InstrumentError
from instruments.interfaces.instrument import Identity, InstrumentTimeoutError
from instruments.transport.connection import ConnectionLostError, NoReplyError
from instruments.transport.session import Session
from instruments.transport.wire_errors import ConnectionLost, GarbledReply, InstrumentComplaint

ADDRESS = "USB0::1::2::3::INSTR"


def session_with(replies=None, boxes=None, **options):
    box = ScriptedBox(replies or {})
    wire = ScriptedWire(boxes or [box])
    return Session("laser", ADDRESS, wire, **options).open(), box, wire


def test_opening_asks_who_is_there_after_throwing_old_replies_away():
    session, box, _ = session_with()
    assert box.received == ["*IDN?"]
    assert box.cleared == 1
    assert session.identity() == Identity("Maker", "Box", "1", "0")


def test_a_question_gets_its_answer_without_the_terminator():
    session, _, _ = session_with({"MEAS?": "1.5\r\n"})
    assert session.query("MEAS?") == "1.5"


class TestALostReply:
    def test_says_which_instrument_what_was_sent_and_what_to_do(self):
        session, _, _ = session_with()
        with pytest.raises(InstrumentTimeoutError) as caught:
            session.query("MEAS:POW?")
        for words in ("laser", ADDRESS, "no answer within 2 s", "'MEAS:POW?'", "timeout"):
            assert words in str(caught.value)

    def test_does_not_turn_the_next_answer_into_a_lie(self):
        session, box, _ = session_with({"B?": "answer to B\n"})
        with pytest.raises(InstrumentTimeoutError):
            session.query("A?")
        # The answer to A comes late, in front of whatever is answered next.
        box.on_write = lambda text: text == "*IDN?" and box.readable.append(b"answer to A\n")
        assert session.query("B?") == "answer to B"
        assert box.received[-2:] == ["*IDN?", "B?"]

    def test_of_a_box_that_stays_silent_ends_the_session_with_advice(self):
        session, box, _ = session_with()
        with pytest.raises(InstrumentTimeoutError):
            session.query("A?")
        box.on_write = lambda text: (_ for _ in ()).throw(NoReplyError())
        with pytest.raises(InstrumentTimeoutError, match=r"laser.*'A\?'"):
            session.query("B?")

    def test_half_of_which_came_says_how_much(self):
        session, _, _ = session_with({"DATA?": b"#3100" + bytes(40)})
        with pytest.raises(InstrumentTimeoutError, match="but 45 bytes of one"):
            session.query_block("DATA?", "<i2")


class TestGarbage:
    def test_that_is_no_text_is_shown(self):
        session, _, _ = session_with({"MEAS?": b"1.\xb5\n"})
        with pytest.raises(GarbledReply, match=r"laser.*'MEAS\?'.*\\xb5.*text was expected"):
            session.query("MEAS?")

    def test_where_a_block_should_be_is_shown(self):
        session, _, _ = session_with({"DATA?": "+1.0E0\n"})
        with pytest.raises(GarbledReply, match="where '#' begins a binary block"):
            session.query_block("DATA?", "<i2")

    def test_puts_the_session_out_of_step_so_that_the_next_question_begins_anew(self):
        session, box, _ = session_with({"MEAS?": b"\xb5\n", "B?": "2\n"})
        with pytest.raises(GarbledReply):
            session.query("MEAS?")
        assert session.query("B?") == "2"
        assert box.received[-2:] == ["*IDN?", "B?"]


class TestBlocks:
    VALUES = np.array([0x0A0A, 10, -2, 0x0D0A], dtype="<i2")

    def block(self):
        return b"#18" + self.VALUES.tobytes() + b"\n"

    def test_keep_line_feeds_inside(self):
        session, _, _ = session_with({"DATA?": self.block(), "B?": "next\n"})
        np.testing.assert_array_equal(session.query_block("DATA?", "<i2"), self.VALUES)
        assert session.query("B?") == "next"

    def test_may_end_in_what_looks_like_a_terminator(self):
        data = b"\x00\x0a"
        session, _, _ = session_with({"DATA?": b"#12" + data + b"\r\n", "B?": "n\r\n"}, end=b"\r\n")
        np.testing.assert_array_equal(session.query_block("DATA?", ">i2"), [10])
        assert session.query("B?") == "n"

    def test_are_sent_behind_their_command(self):
        session, box, _ = session_with()
        session.write_block("WAVE ", b"\x01\x0a\x02")
        assert box.received[-1] == "WAVE #13\x01\n\x02"


class TestTheErrorQueue:
    def test_is_emptied_and_told_as_a_whole(self):
        queue = ['-222,"Data out of range"\n', '-113,"Undefined header"\n', '0,"No error"\n']
        session, _, _ = session_with({"SYST:ERR?": queue})
        session.write("VOLT 99")
        with pytest.raises(InstrumentComplaint) as caught:
            session.check_errors()
        for words in ("laser", "'VOLT 99'", "Data out of range", "Undefined header"):
            assert words in str(caught.value)

    def test_without_an_entry_is_no_complaint(self):
        session, _, _ = session_with({"SYST:ERR?": '+0,"No error"\n'})
        session.check_errors()

    def test_that_never_ends_does_not_hold_anybody_up(self):
        session, box, _ = session_with({"SYST:ERR?": '-350,"Queue overflow"\n'})
        with pytest.raises(InstrumentComplaint):
            session.check_errors()
        assert len(box.received) < 100


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


def test_two_threads_on_one_box_never_get_each_others_answers():
    # The box gives what it was asked last: without a lock answers are swapped most of the time.
    box = ScriptedBox(
        {f"{name}{number}?": f"{name}{number}\n" for name in "ab" for number in range(100)}
    )
    session = Session("laser", ADDRESS, ScriptedWire([box])).open()
    wrong = []

    def ask(name):
        wrong.extend(n for n in range(100) if session.query(f"{name}{n}?") != f"{name}{n}")

    threads = [threading.Thread(target=ask, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_traffic_is_logged_for_each_instrument(caplog):
    session, _, _ = session_with({"MEAS?": "1.5\n"})
    with caplog.at_level(logging.DEBUG, logger="instruments.wire.laser"):
        session.query("MEAS?")
    assert [record.message for record in caplog.records] == [
        f"to {ADDRESS}: 'MEAS?'",
        f"from {ADDRESS}: '1.5\\n'",
    ]


def test_instruments_on_one_box_share_its_session_and_the_last_one_closes_it():
    session, box, _ = session_with()
    session.open()
    session.close()
    assert session.query("*IDN?") == IDENTITY
    session.close()
    with pytest.raises(ConnectionLost):
        session.query("*IDN?")
    assert box.received.count("*IDN?") == 2


def test_a_loss_while_closing_is_nobodys_problem():
    session, box, _ = session_with()
    box.close = lambda: None
    session.close()
    session.close()


def test_errors_of_a_connection_do_not_leak_out_of_a_session():
    session, _, _ = session_with({"A?": ConnectionLostError("pulled")})
    with pytest.raises(ConnectionLost):
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


class TestWhatOnlyMakesSenseAsAWhole:
    def test_is_done_again_from_the_start(self):
        first, later = ScriptedBox({}), ScriptedBox({})
        session = Session("laser", ADDRESS, ScriptedWire([first, later]), reconnect=1).open()

        def upload():
            session.write("CLEAR")
            first.open = False
            session.write("DATA 1,2")

        session.all_or_nothing(upload)
        assert first.received == ["*IDN?", "CLEAR"]
        assert later.received == ["*IDN?", "CLEAR", "DATA 1,2"]

    def test_is_given_up_when_the_box_goes_again(self):
        boxes = [ScriptedBox({}) for _ in range(3)]
        session = Session("laser", ADDRESS, ScriptedWire(boxes), reconnect=1).open()

        def upload():
            for box in boxes:
                if box.open:
                    box.open = False
                    break
            session.write("DATA 1,2")

        with pytest.raises(ConnectionLost, match=r"laser.*lost again"):
            session.all_or_nothing(upload)


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


def test_whoever_answers_without_an_identity_is_no_instrument():
    # A web server, asked by mistake, answers in lines of its own.
    with pytest.raises(GarbledReply, match=r"laser.*'HTTP/1.1 400 Bad Request'.*maker, model"):
        session_with(boxes=[ScriptedBox({}, identity="HTTP/1.1 400 Bad Request")])


def test_a_box_that_serves_several_instruments_is_named_by_all_and_as_patient_as_the_most():
    session, _, _ = session_with(timeout_seconds=1.0)
    session.serves("amplifier", 5.0, 2)
    session.serves("oven", 2.0, 0)
    with pytest.raises(InstrumentTimeoutError, match=r"amplifier, laser, oven \(.*within 5 s"):
        session.query("A?")
