"""``backbeam init`` writes a bench file that is right as it stands."""

import json
import os

import pytest
from typer.testing import CliRunner

from instruments.bench_file.json_schema import TITLE
from instruments.bench_file.reading import built_in_bench, read_bench_file
from instruments.errors import BackbeamError, BenchFileError
from protocols.commands.init import SCHEMA_FILE, init


def test_the_bench_file_reads_back_and_has_its_own_name(tmp_path):
    path = tmp_path / "my bench (2).toml"
    init(path)
    bench = read_bench_file(path)
    assert bench.name == "my bench -2-"
    assert bench.instruments == built_in_bench("digits").instruments


def test_it_is_commented_and_names_the_schema_beside_it(tmp_path):
    init(tmp_path / "lab.toml")
    lines = (tmp_path / "lab.toml").read_text(encoding="utf-8").splitlines()
    assert lines[0] == f"#:schema ./{SCHEMA_FILE}"
    assert sum("#" in line for line in lines) > 30
    schema = json.loads((tmp_path / SCHEMA_FILE).read_text(encoding="utf-8"))
    assert schema["title"] == TITLE


def test_nothing_is_overwritten(tmp_path):
    path = tmp_path / "lab.toml"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(BackbeamError, match=r"lab\.toml exists already"):
        init(path)
    assert path.read_text(encoding="utf-8") == "mine"
    assert not (tmp_path / SCHEMA_FILE).exists()


@pytest.mark.parametrize("text", ["mine", '{"title": "mine"}', "[]"])
def test_a_schema_of_somebody_else_is_left_alone(tmp_path, text):
    (tmp_path / SCHEMA_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(BackbeamError, match="something else"):
        init(tmp_path / "lab.toml")
    assert (tmp_path / SCHEMA_FILE).read_text(encoding="utf-8") == text
    assert not (tmp_path / "lab.toml").exists()


def test_a_second_bench_shares_the_schema(tmp_path):
    init(tmp_path / "first.toml")
    init(tmp_path / "second.toml")
    assert read_bench_file(tmp_path / "second.toml").name == "second"


def test_a_folder_that_is_not_there_and_another_suffix_are_said(tmp_path):
    with pytest.raises(BackbeamError, match=r"there is no folder .*; make it first"):
        init(tmp_path / "nowhere" / "lab.toml")
    with pytest.raises(BackbeamError, match=r"a bench file is called NAME\.toml"):
        init(tmp_path / "lab.json")


def test_an_unknown_bench_to_start_from_is_refused(tmp_path):
    with pytest.raises(BenchFileError, match="did you mean 'digits'"):
        init(tmp_path / "lab.toml", like="digit")


def test_the_command_says_what_to_do_next(tmp_path):
    import typer

    application = typer.Typer()
    application.command()(init)
    result = CliRunner().invoke(application, [str(tmp_path / "lab.toml")])
    assert result.exit_code == 0
    assert result.output.splitlines()[-1].startswith("next: backbeam check ")


def test_what_it_says_to_do_next_works(backbeam, here):
    """A name with a space, as it would be typed."""
    *_, advice = backbeam("init", "my bench.toml").out.splitlines()
    quote = '"' if os.name == "nt" else "'"
    assert advice == f"next: backbeam check {quote}my bench.toml{quote}"
    assert backbeam("check", "my bench.toml").code == 0
