"""A twin outlives the bench that is opened on it: one that is opened again finds it as it was."""

import numpy as np

from instruments.bench_file.reading import built_in_text, parse_bench_file
from instruments.bench_opening import open_bench
from instruments.opening import SharedResources


def test_a_bench_opened_again_on_the_same_twin_sees_the_same_light():
    """Instruments that were closed do not go on driving the twin beside their successors."""
    text = built_in_text("digits").replace("[twin]\nseed = 1", "[twin]\nperfect = true")
    bench, shared = parse_bench_file(text, "digits"), SharedResources()
    generator = np.random.default_rng(3)
    inputs = generator.uniform(0, 1, (8, 64)).astype(np.float32)
    weights = [generator.normal(0, 0.1, shape).astype(np.float32) for shape in ((48, 64), (10, 48))]
    seen = []
    for _ in range(2):
        with open_bench(bench, shared=shared) as opened:
            opened.write(weights)
            seen.append(opened.forward(inputs).output)
    assert np.abs(seen[0]).max() > 0.01
    assert np.allclose(seen[0], seen[1], atol=1e-5)
