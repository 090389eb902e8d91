"""A report on the gradient says beforehand how many steps it will take."""

import numpy as np
from benches_to_check import INPUTS, LABELS, LOSS, digits_text, opened

from protocols.health.gradient_report import report_on, steps_of_report


def test_as_many_steps_are_made_as_were_announced():
    made = []
    with opened(digits_text()) as (bench, _):
        report_on(
            bench,
            INPUTS,
            LABELS,
            LOSS,
            takes=2,
            spots=1,
            generator=np.random.default_rng(0),
            after=lambda: made.append(True),
        )
        assert len(made) == steps_of_report(bench, takes=2, spots=1)
