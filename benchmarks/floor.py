"""What a base of genome costs at least when it is scanned: operations, and bytes that cross to the device and back.

Products are counted by torch as a unit of the streaming engine runs them, warm-up and smoothing and all; everything
else that is done with a number is little beside them. With the rates of a device from its data sheet, this is the least
time that a scan could take there, and no measurement: divide a measured speed by it to see what share of the hardware
is used.

    python benchmarks/floor.py human d=128 --float32 67 --bfloat16 989 -o benchmarks/results/floor.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from promscan.inference.gru import Cell
from promscan.inference.lanes import LaneNetwork, room_to_smooth
from promscan.inference.streaming import StreamingEngine
from promscan.networks.classifier import Architecture, BiGRUAttention
from promscan.networks.weights import load_model
from promscan.seq.windows import WINDOW

PRODUCTS = 3
"""Of bfloat16, for one of float32 in the recurrence on CUDA (`promscan.inference.kernels`)."""


def network(name: str) -> tuple[BiGRUAttention, int]:
    """A network, and over how many bp its logits are averaged."""
    if name.startswith("d="):
        torch.manual_seed(1)
        return BiGRUAttention(Architecture(hidden=int(name[2:]))).eval(), 1
    model, card = load_model(name)
    return model, card.smoothing


def around(model: BiGRUAttention, smoothing: int) -> int:
    """Bases that a lane has on either side."""
    return max(StreamingEngine.warm_up, model.architecture.reach) + room_to_smooth(smoothing)


def operations(model: BiGRUAttention, smoothing: int = 1) -> tuple[float, float]:
    """Of a base and strand: from states in the recurrence, and in all other products."""
    lane, margin = StreamingEngine.lane, around(model, smoothing)
    lanes = LaneNetwork(model, torch.device("cpu"))
    steps = 0

    def counted(cell: Cell, inputs: torch.Tensor, state: torch.Tensor | None = None) -> torch.Tensor:
        nonlocal steps
        steps += len(inputs) * cell.hidden**2
        return run(cell, inputs, state)

    run, Cell.run = Cell.run, counted
    counter = FlopCounterMode(display=False)
    codes = torch.zeros(margin + lane + WINDOW + margin, 1, dtype=torch.uint8)
    with torch.inference_mode(), counter:
        lanes.smoothed_logits(codes, margin, StreamingEngine.warm_up, smoothing)
    Cell.run = run
    recurrence = 2 * 3 * steps / lane
    return recurrence, counter.get_total_flops() / lane - recurrence


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="names, or d=N for a network of that width without convolutions")
    parser.add_argument("--float32", type=float, required=True, help="tera-operations a second of the device")
    parser.add_argument("--bfloat16", type=float, required=True, help="likewise, of its tensor cores")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    floors = {}
    for name in arguments.models:
        model, smoothing = network(name)
        recurrence, others = (2 * count for count in operations(model, smoothing))  # both strands
        seconds = PRODUCTS * recurrence / (1e12 * arguments.bfloat16) + others / (1e12 * arguments.float32)
        floors[name] = {
            "operations_in_the_recurrence": recurrence,
            "operations_elsewhere": others,
            "bytes_in": 2 * (StreamingEngine.lane + WINDOW + 2 * around(model, smoothing)) / StreamingEngine.lane,
            "bytes_out": 2.0 * torch.float32.itemsize,
            "mb_per_second": 1e-6 / seconds,
        }
    rates = {"float32": arguments.float32, "bfloat16": arguments.bfloat16}
    arguments.output.write_text(json.dumps({"tera_operations_a_second": rates, "a_base": floors}, indent=2) + "\n")
    print(arguments.output.read_text())


if __name__ == "__main__":
    main()
