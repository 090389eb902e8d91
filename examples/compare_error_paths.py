"""Three ways for errors to travel back, on the same network from the same first weights.

- network: errors go back through the network itself; on a bench, as light.
- digital: activations are measured, errors computed (hybrid training).
- finite-difference: no errors at all; each weight is moved up and down and the loss compared.

    python examples/compare_error_paths.py
"""

from instruments.network import NonlinearUnit
from protocols.datasets import load_dataset
from protocols.settings import TrainingSettings
from protocols.training import train
from sim_backends.ideal_network import IdealNetwork

# Images of 4 x 4 pixels keep the network small: finite differences cost two passes a weight.
digits = load_dataset("digits", image_size=4)
absorber = NonlinearUnit("absorber", 1.0, derivative="exact")

print(f"{'errors go back':20} {'test accuracy':>14} {'time':>8}")
for path in ("network", "digital", "finite-difference"):
    # A new network each time; the same seed gives the same first weights and the same shuffling.
    network = IdealNetwork.dense([16, 10, 10], absorber)
    settings = TrainingSettings(errors=path, epochs=6, learning_rate=1e-2, seed=1)
    result = train(network, digits, settings, show_progress=False)
    print(f"{path:20} {result.test_accuracy:14.2%} {result.seconds:6.2f} s")

# Without noise the first two agree to rounding and the third to the size of its steps. Now put
# derivative="probe" above: only errors that meet the absorber see the difference, so the third
# path is then the one that stands apart.
