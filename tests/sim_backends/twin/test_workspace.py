"""An array stays where it is as long as its shape does."""

import numpy as np

from sim_backends.twin.workspace import Workspace


def test_the_same_name_and_shape_is_the_same_array():
    workspace = Workspace()
    first = workspace.array("z", 2, 3)
    assert first.shape == (2, 3)
    assert first.dtype == np.float32
    assert workspace.array("z", 2, 3) is first


def test_other_names_and_other_shapes_are_other_arrays():
    workspace = Workspace()
    first, other = workspace.array("z", 2, 3), workspace.array("a", 2, 3)
    larger = workspace.array("z", 4, 3)
    assert not np.shares_memory(first, other)
    assert not np.shares_memory(first, larger)
    assert larger.shape == (4, 3)
