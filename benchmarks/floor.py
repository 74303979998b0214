"""What a base of genome costs at least when it is scanned: operations, and bytes that cross to the device and back.

Products are counted by torch as a unit of the streaming engine runs them, warm-up and all; everything else that is
done with a number is little beside them. With the rates of a device from its data sheet, this is the least time that a
scan could take there, and no measurement: divide a measured speed by it to see what share of the hardware is used.

    python benchmarks/floor.py human d=128 --float32 67 --bfloat16 989
"""

from __future__ import annotations

import argparse

import torch
from torch.utils.flop_counter import FlopCounterMode

from promscan.checkpoint import load_model
from promscan.dna import WINDOW
from promscan.model import Architecture, BiGRUAttention
from promscan.predict.cells import Cell
from promscan.predict.lanes import LaneNetwork
from promscan.predict.streaming import StreamingEngine

PRODUCTS = 3
"""Of bfloat16, for one of float32 in the recurrence on CUDA (`promscan.predict.kernels`)."""


def network(name: str) -> BiGRUAttention:
    if name.startswith("d="):
        torch.manual_seed(1)
        return BiGRUAttention(Architecture(hidden=int(name[2:]))).eval()
    return load_model(name)[0]


def operations(model: BiGRUAttention) -> tuple[float, float]:
    """Of a base and strand: from states in the recurrence, and in all other products."""
    lane, warm_up = StreamingEngine.lane, StreamingEngine.warm_up
    margin = max(warm_up, model.architecture.reach)
    lanes = LaneNetwork(model, torch.device("cpu"))
    steps = 0

    def counted(cell: Cell, inputs: torch.Tensor, state: torch.Tensor | None = None) -> torch.Tensor:
        nonlocal steps
        steps += len(inputs) * cell.hidden**2
        return run(cell, inputs, state)

    run, Cell.run = Cell.run, counted
    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), counter:
        lanes.logits(torch.zeros(margin + lane + WINDOW + margin, 1, dtype=torch.uint8), margin, warm_up)
    Cell.run = run
    recurrence = 2 * 3 * steps / lane
    return recurrence, counter.get_total_flops() / lane - recurrence


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="names, or d=N for a network of that width without convolutions")
    parser.add_argument("--float32", type=float, required=True, help="tera-operations a second of the device")
    parser.add_argument("--bfloat16", type=float, required=True, help="likewise, of its tensor cores")
    arguments = parser.parse_args()
    print("| model | operations a base, recurrence | all others | bytes a base, in and out | at most |")
    print("| --- | --- | --- | --- | --- |")
    for name in arguments.models:
        recurrence, others = (2 * count for count in operations(network(name)))  # both strands
        seconds = PRODUCTS * recurrence / (1e12 * arguments.bfloat16) + others / (1e12 * arguments.float32)
        print(f"| {name} | {recurrence:,.0f} | {others:,.0f} | 2 and 8 | {1e-6 / seconds:,.0f} Mb/s |")


if __name__ == "__main__":
    main()
