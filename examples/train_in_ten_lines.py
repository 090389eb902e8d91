"""Train an optical neural network on handwritten digits and look at the light inside it.

Runs as a script or cell by cell in a notebook, without any instrument:

    python examples/train_in_ten_lines.py
"""

import numpy as np

from instruments.network import NonlinearUnit
from protocols.datasets import load_dataset
from protocols.settings import TrainingSettings
from protocols.training import train
from sim_backends.ideal_network import IdealNetwork

# 1. The data: images of 8 x 8 pixels, as amplitudes of light from 0 to 1, and their labels.
digits = load_dataset("digits")
print(digits)

# 2. The network: 64 inputs, 48 hidden neurons, 10 outputs. Between the layers stands a saturable
#    absorber of optical depth 10. On the way back an error is multiplied by what a weak probe
#    sees of that absorber, which is nearly the derivative - the idea of the scheme.
absorber = NonlinearUnit("absorber", 10.0, derivative="probe")
network = IdealNetwork.dense([64, 48, 10], absorber)

# 3. Train it. A bar shows how it goes; `out="runs/first"` would keep a record of everything.
result = train(network, digits, TrainingSettings(epochs=30, learning_rate=3e-3))
print(result)

# 4. Look at the light: what goes into the absorbers and what comes out of them, when the test
#    images are shown. Fields are real and signed, in units of the saturation field.
passed = network.forward(digits.test_inputs)
before, behind = passed.unit_inputs[0], passed.activations[1]
print(f"hidden activations: {behind.shape[0]} images x {behind.shape[1]} neurons")

try:
    import matplotlib

    matplotlib.use("Agg")  # draws into a file; leave this line out in a notebook
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5, 4), layout="constrained")
    axes.plot(before.ravel(), behind.ravel(), ".", markersize=2)
    axes.set_xlabel("in front of the absorber, z(1) [saturation field]")
    axes.set_ylabel("behind it, a(1) [saturation field]")
    figure.savefig("absorber.png", dpi=120)
    print("drawn in absorber.png: weak light is absorbed, strong light saturates its way through")
except ImportError:
    counts, edges = np.histogram(behind, bins=16)
    for count, left, right in zip(counts, edges, edges[1:], strict=False):
        print(f"{left:+6.2f} .. {right:+6.2f}  {'#' * round(50 * count / counts.max())}")
    print("with matplotlib installed this would be a picture")
