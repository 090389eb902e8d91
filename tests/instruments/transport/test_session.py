"""A session is heard by one thread at a time, and does as a whole what only makes sense so."""

import logging
import threading

import numpy as np
import pytest
from scripted_box import IDENTITY, ScriptedBox, ScriptedWire
from scripted_session import ADDRESS, session_with

from instruments.transport.connection import ConnectionLostError
from instruments.transport.session import Session
from instruments.transport.wire_errors import ConnectionLost, InstrumentComplaint


def test_a_question_gets_its_answer_without_the_terminator():
    session, _, _ = session_with({"MEAS?": "1.5\r\n"})
    assert session.query("MEAS?") == "1.5"


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
