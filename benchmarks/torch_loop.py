"""The network of the benchmark in PyTorch on the CPU, as its users would write it.

Run by ``speed.py``, as ``turns.py`` has it: ``torch_loop.py THREADS SECONDS``. Tensors lie in
memory, minibatches are taken by index, Adam is ``torch.optim.Adam`` with its defaults, and a
custom autograd function multiplies errors by what a probe sees.
"""

import itertools
import sys
import time

from turns import take_turns

try:
    import torch
except ImportError:
    sys.exit('PyTorch is missing: pip install -e ".[benchmark]"')

SIZES = (784, 128, 128, 10)
OPTICAL_DEPTH = 10.0
BATCH = 64
IMAGES = 60_000


class ProbedAbsorber(torch.autograd.Function):
    @staticmethod
    def forward(context, field):
        transmission = torch.exp(-0.5 * OPTICAL_DEPTH / (1 + field * field))
        context.save_for_backward(transmission)
        return field * transmission

    @staticmethod
    def backward(context, error):
        (transmission,) = context.saved_tensors
        return error * transmission


class OpticalNetwork(torch.nn.Module):
    def __init__(self):
        super().__init__()
        pairs = itertools.pairwise(SIZES)
        self.layers = torch.nn.ModuleList(torch.nn.Linear(i, o, bias=False) for i, o in pairs)
        for layer in self.layers:
            torch.nn.init.normal_(layer.weight, 0, 0.1)

    def forward(self, field):
        for layer in self.layers[:-1]:
            field = ProbedAbsorber.apply(layer(field))
        return self.layers[-1](field)


def main(threads, seconds):
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    inputs = torch.rand(IMAGES, SIZES[0])
    targets = torch.nn.functional.one_hot(torch.randint(0, 10, (IMAGES,)), 10).float()
    network = OpticalNetwork()
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-4)

    def step(chosen):
        optimizer.zero_grad()
        output = network(inputs[chosen])
        loss = 0.5 * ((output - targets[chosen]) ** 2).sum() / len(chosen)
        loss.backward()
        optimizer.step()
        return loss.item()

    order = torch.randperm(IMAGES)
    for start in range(0, 100 * BATCH, BATCH):
        step(order[start : start + BATCH])

    def turn():
        images = 0
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            order = torch.randperm(IMAGES)
            for start in range(0, IMAGES - BATCH, BATCH):
                step(order[start : start + BATCH])
                images += BATCH
                if time.perf_counter() - began >= seconds:
                    break
        return {"images_per_second": images / (time.perf_counter() - began)}

    take_turns(turn)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
