"""Two configurations differ in exactly what was changed."""

from gui.model.configuration import as_lines, differences


def test_settings_are_named_by_the_way_to_them():
    lines = as_lines({"a": {"b": 1.5, "c": [1, 2]}, "layers": [{"n": 3}, {"n": 4}], "x": None})
    assert lines == {"a.b": "1.5", "a.c": "1, 2", "layers.1.n": "3", "layers.2.n": "4", "x": "—"}


def test_only_what_differs_is_listed_also_what_one_of_them_lacks():
    found = differences({"a": 1, "b": {"c": True}}, {"a": 2, "b": {"c": True}, "d": "new"})
    assert [(one.name, one.here, one.there) for one in found] == [
        ("a", "1", "2"),
        ("d", None, "new"),
    ]


def test_a_configuration_does_not_differ_from_itself():
    configuration = {"a": {"b": [1.0, {"c": None}]}}
    assert differences(configuration, configuration) == []
