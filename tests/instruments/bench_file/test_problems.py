"""Any pydantic model's complaints become one line with a dotted key."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from instruments.bench_file.problems import nearest, shown, validate_section
from instruments.errors import BenchFileError


class Channel(BaseModel):
    number: int = Field(description="number of the channel, from 0")
    slope: Literal["rising", "falling"] = "rising"


class Card(BaseModel):
    model_config = ConfigDict(extra="forbid")

    channels: list[Channel] = []
    by_name: dict[str, Channel | None] = {}
    rate: Annotated[float, Field(alias="sample_rate", gt=0)] = 1.0
    pair: tuple[int, int] | str = "x"


def message(values, model=Card):
    with pytest.raises(BenchFileError) as caught:
        validate_section("lab.toml", model, values, "instruments.adc.settings")
    return str(caught.value).removeprefix("lab.toml: instruments.adc.settings.")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            {"chanels": []},
            "chanels: no such key 'chanels'; allowed here: channels, by_name, sample",
        ),
        ({"channels": [{}]}, "channels[1].number: missing; it is needed: number of the channel"),
        ({"channels": [{"number": "a"}]}, "channels[1].number: found 'a'; a whole number"),
        ({"by_name": {"x": {"number": 0, "slope": "raising"}}}, "by_name.x.slope: found 'raising'"),
        ({"by_name": {"x": {"number": 0, "slope": "raising"}}}, "did you mean 'rising'?"),
        ({"sample_rate": 0}, "sample_rate: found 0; should be greater than 0"),
        ({"pair": 3.5}, "pair"),
    ],
)
def test_problems_name_the_key_and_what_is_allowed(values, expected):
    assert expected in message(values)


def test_a_model_that_would_ignore_unknown_keys_does_not():
    assert message({"number": 1, "slop": "rising"}, Channel).endswith("did you mean 'slope'?")


def test_long_values_are_cut_and_kept_on_one_line():
    assert shown("a\nb") == r"'a\nb'"
    assert len(shown("x" * 1000)) == 60
    assert "\n" not in message({"sample_rate": ["\n" * 3] * 50})


def test_the_nearest_name_is_found_whatever_its_capitals():
    assert nearest("OPTICS", ["optics", "arms"]) == "; did you mean 'optics'?"
    assert nearest("zzz", ["optics"]) == ""
