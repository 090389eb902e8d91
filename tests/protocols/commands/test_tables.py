"""Tables of the commands: nothing is cut off, however narrow the terminal."""

import io

import pytest
from rich.console import Console

from protocols.commands.tables import print_table

COLUMNS = ("layer", "matrix", "largest weight", "amplifier reaches", "enough")
ROWS = [
    ("1", "48 x 64", "0.39", "amplifier_number_1: 42.8 dB", "yes"),
    ("2", "10 x 48", "0.284", "amplifier_number_2: 21.1 dB", "lacks 3.1 dB"),
]


def printed(width, *, terminal, rows=ROWS):
    out = io.StringIO()
    # Rich believes FORCE_COLOR and TERM of whoever runs the tests unless told otherwise.
    console = Console(
        file=out, width=width, force_terminal=terminal, color_system=None, highlight=False
    )
    print_table(console, COLUMNS, rows, ("largest weight",))
    return out.getvalue()


def test_a_wide_terminal_shows_a_line_for_each_row():
    lines = [line for line in printed(120, terminal=True).splitlines() if line.strip()]
    assert [line.split()[0] for line in lines] == ["layer", "─" * len(lines[1].strip()), "1", "2"]


def test_a_pipe_shows_a_line_for_each_row_however_narrow_it_says_it_is():
    shown = printed(20, terminal=False)
    for row in ROWS:
        assert any(all(cell in line for cell in row) for line in shown.splitlines())


def test_a_narrow_terminal_shows_every_cell_whole_behind_its_heading():
    shown = printed(50, terminal=True)
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 50
    for row in ROWS:
        for heading, cell in zip(COLUMNS, row, strict=True):
            assert f"{heading} {cell}" in shown


@pytest.mark.parametrize("width", range(40, 140, 3))
def test_nothing_is_cut_off_at_any_width_where_first_cells_are_long(width):
    rows = [("pass 1: activations and background", *row[1:]) for row in ROWS]
    assert "…" not in printed(width, terminal=True, rows=rows)


def test_a_cell_longer_than_the_terminal_is_broken_between_words():
    shown = printed(30, terminal=True)
    assert "…" not in shown
    assert "amplifier_number_1: 42.8 dB" in " ".join(shown.split())


def test_on_a_narrow_terminal_a_row_without_a_first_cell_goes_on_with_the_one_above():
    shown = printed(50, terminal=True, rows=[*ROWS, ("", "10 x 48", "0.1", "", "")])
    assert shown.count("layer ") == len(ROWS)
    assert shown.rstrip().endswith("matrix 10 x 48   largest weight 0.1")


def test_text_in_brackets_is_shown_as_it_is():
    rows = [("[bold]1[/bold]", "[/] broken", "0.39", "amplifier_number_1: 42.8 dB", "[red]")]
    for width in (40, 120):
        for cell in rows[0]:
            assert cell in printed(width, terminal=True, rows=rows)
