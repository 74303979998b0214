"""The least cost of a base of genome in a scan: operations, and bytes that cross to the device and back.

torch counts the products of a unit of the streaming engine, with warm-up and smoothing; all other operations are few
compared with these. With the rates from the data sheet of a device, this is the least time that a scan could take
there. It is not a measurement: divide a measured speed by it to see the share of the hardware that is used.

    python -m benchmarks.speed.floor human d=128 --float32 67 --bfloat16 989 -o benchmarks/results/0.1.0/floor.json
"""

from __future__ import annotations

from unittest import mock

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.common import parser_of, save_result
from promscan.inference.gru import Cell
from promscan.inference.lanes import LaneNetwork, room_to_smooth
from promscan.inference.streaming import StreamingEngine
from promscan.networks.card import Card
from promscan.networks.classifier import Architecture, BiGRUAttention
from promscan.networks.weights import load_model
from promscan.seq.windows import WINDOW

PRODUCTS = 3
"""Products of bfloat16 that take the place of one of float32 in the recurrence on CUDA (`inference.kernels`)."""


def network(name: str) -> tuple[BiGRUAttention, int, list[Card]]:
    """A network, the width in bp over which its logits are averaged, and its card if it has one."""
    if name.startswith("d="):
        torch.manual_seed(1)
        return BiGRUAttention(Architecture(hidden=int(name[2:]))).eval(), 1, []
    model, card = load_model(name)
    return model, card.smoothing, [card]


def around(model: BiGRUAttention, smoothing: int) -> int:
    """Bases on either side of a lane."""
    return max(StreamingEngine.warm_up, model.architecture.reach) + room_to_smooth(smoothing)


def operations(model: BiGRUAttention, smoothing: int = 1) -> tuple[float, float]:
    """Operations per base and strand: in the recurrence (from states), and in all other products."""
    lane, margin = StreamingEngine.lane, around(model, smoothing)
    lanes = LaneNetwork(model, torch.device("cpu"))
    steps = 0

    def counted(cell: Cell, inputs: torch.Tensor, state: torch.Tensor | None = None) -> torch.Tensor:
        nonlocal steps
        steps += len(inputs) * cell.hidden**2
        return run(cell, inputs, state)

    run = Cell.run
    counter = FlopCounterMode(display=False)
    codes = torch.zeros(margin + lane + WINDOW + margin, 1, dtype=torch.uint8)
    with torch.inference_mode(), counter, mock.patch.object(Cell, "run", counted):
        lanes.smoothed_logits(codes, margin, StreamingEngine.warm_up, smoothing)
    recurrence = 2 * 3 * steps / lane
    return recurrence, counter.get_total_flops() / lane - recurrence


def main() -> None:
    parser = parser_of(__doc__, "output")
    parser.add_argument("models", nargs="+", help="Names, or d=N for a network of that width without convolutions.")
    parser.add_argument("--float32", type=float, required=True, help="Tera-operations per second of the device.")
    parser.add_argument("--bfloat16", type=float, required=True, help="The same of its tensor cores.")
    arguments = parser.parse_args()
    floors, cards = {}, list[Card]()
    for name in arguments.models:
        model, smoothing, found = network(name)
        cards += found
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
    save_result(arguments.output, {"tera_operations_a_second": rates, "a_base": floors}, *cards)


if __name__ == "__main__":
    main()
