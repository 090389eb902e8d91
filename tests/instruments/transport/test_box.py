"""A box says who it is, and a late or senseless reply never passes for an answer."""

import pytest
from scripted_box import ScriptedBox
from scripted_session import ADDRESS, session_with

from instruments.interfaces.instrument import Identity, InstrumentTimeoutError
from instruments.transport.connection import NoReplyError
from instruments.transport.wire_errors import GarbledReply


def test_opening_asks_who_is_there_after_throwing_old_replies_away():
    session, box, _ = session_with()
    assert box.received == ["*IDN?"]
    assert box.cleared == 1
    assert session.identity() == Identity("Maker", "Box", "1", "0")


def test_whoever_answers_without_an_identity_is_no_instrument():
    # A web server, asked by mistake, answers in lines of its own.
    with pytest.raises(GarbledReply, match=r"laser.*'HTTP/1.1 400 Bad Request'.*maker, model"):
        session_with(boxes=[ScriptedBox({}, identity="HTTP/1.1 400 Bad Request")])


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


def test_a_box_that_serves_several_instruments_is_named_by_all_and_as_patient_as_the_most():
    session, _, _ = session_with(timeout_seconds=1.0)
    session.serves("amplifier", 5.0, 2)
    session.serves("oven", 2.0, 0)
    with pytest.raises(InstrumentTimeoutError, match=r"amplifier, laser, oven \(.*within 5 s"):
        session.query("A?")
