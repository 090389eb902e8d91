"""A trainer that falls silent is stale, one that died is lost, and neither is done."""

import pytest

from gui.model.link import STALE_SECONDS, judge


@pytest.mark.parametrize(
    ("stored", "heard", "truth", "kind"),
    [
        ("running", 0.1, 0.08, "live"),
        ("running", STALE_SECONDS + 0.1, 0.08, "stale"),
        ("running", None, 0.4, "store"),
        ("running", None, STALE_SECONDS + 1, "stale"),
        ("killed", 0.1, 0.1, "lost"),
        ("killed", None, 100.0, "lost"),
        ("completed", 0.1, 0.1, "finished"),
        ("failed", None, 5.0, "finished"),
    ],
)
def test_the_link_is_judged_by_what_was_heard_and_what_is_written(stored, heard, truth, kind):
    assert judge(stored, heard_seconds_ago=heard, truth_seconds_ago=truth).kind == kind


def test_the_age_is_said_in_words():
    assert str(judge("running", heard_seconds_ago=0.01, truth_seconds_ago=0.062)) == (
        "live · 62 ms old"
    )
    assert str(judge("running", heard_seconds_ago=8.0, truth_seconds_ago=9.0)) == "stale · 8 s old"
