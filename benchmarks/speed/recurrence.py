"""Speed of the recurrence of the engines on a CPU, compared with other libraries.

Both directions of one GRU layer along units of lanes, on all threads: states of random weights and random bases. The
head and the attention are the same for all, and are left out.

    lanes       the engine of promscan: a unit of 64 lanes a thread, one product a step (`promscan.inference.gru`)
    wide        the same, with one unit of all lanes, and the threads of torch
    torch       torch.nn.GRU, a unit of 64 lanes a thread
    openvino    GRUSequence, float32; all lanes in one request, the threads of OpenVINO (`pip install openvino`)

and with less exact numbers:

    lanes bfloat16      as lanes, with bfloat16 in the recurrence: `--precision bfloat16`
    lanes int8          as lanes, with states and their weights rounded to 8 bits before each product
    openvino bfloat16   as openvino, with its bfloat16

`windows` compares the same along units of 128 windows of 70 bases, the units of the windowed engine.

All are timed in turn, round after round, and the fastest round counts; `off` is the largest difference of a state from
that of float64.

    python -m benchmarks.speed.recurrence -o benchmarks/results/0.1.0/recurrence.json
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmarks.common import parser_of, save_result
from promscan.inference.gru import Cell
from promscan.inference.lanes import LaneNetwork, input_table
from promscan.networks.classifier import Architecture, BiGRUAttention
from promscan.networks.device import available_threads
from promscan.seq.windows import WINDOW

ROUNDS = 5
HIDDENS = (64, 128)


class Work(NamedTuple):
    """Units per thread, lanes per unit, and bases per lane."""

    units: int
    lanes: int
    steps: int


ALONG = Work(units=1, lanes=64, steps=1_400)
WINDOWS = Work(units=8, lanes=128, steps=WINDOW)


def by_lanes(network: LaneNetwork, codes: Tensor, run: Callable[[Cell, Tensor], Tensor] = Cell.run) -> Tensor:
    """States (steps, 2 d, lanes) of codes (steps, lanes)."""
    inputs = (codes.unsqueeze(1) == network.bases).to(network.dtype)
    forward, backward = network.layers[0]
    return torch.cat([run(forward, inputs), run(backward, inputs.flip(0)).flip(0)], dim=1)


def run_int8(cell: Cell, inputs: Tensor) -> Tensor:
    """As `Cell.run`, with a scale for each row of the weights, and one for the states, which lie in (-1, 1)."""
    d = cell.hidden
    from_states, from_inputs = cell.gates[:, :d], cell.gates[:, d:]
    scale = from_states.abs().amax(dim=1, keepdim=True) / 127
    weights = (from_states / scale).round().to(torch.int8)
    state, states = inputs.new_zeros(d, inputs.shape[2]), []
    for block in inputs.split(WINDOW):
        for gates, candidate in zip(from_inputs @ block, cell.candidate @ block, strict=True):
            rounded = (127 * state).round_().to(torch.int8)
            gates.addcmul_(torch._int_mm(weights, rounded).float(), scale / 127)
            reset, update, scaled = gates.split(d)
            candidate.addcmul_(scaled, reset.sigmoid_()).tanh_()
            state = torch.lerp(candidate, state, update.sigmoid_())
            states.append(state)
    return torch.stack(states)


def by_torch(model: BiGRUAttention, table: Tensor, codes: Tensor) -> Tensor:
    return model.gru(table[codes.T.long()])[0].permute(1, 2, 0)


def openvino_request(
    model: BiGRUAttention, table: Tensor, lanes: int, steps: int, precision: str
) -> Callable[[Tensor], Tensor]:
    """The same layer as a compiled graph; its gates are z, r, n where torch has r, z, n."""
    import openvino
    from openvino import opset13 as ops

    d = model.gru.hidden_size

    def gates(name: str) -> np.ndarray:
        both = [getattr(model.gru, f"{name}_l0{suffix}").detach().numpy() for suffix in ("", "_reverse")]
        return np.stack([np.concatenate([w[d : 2 * d], w[:d], w[2 * d :]]) for w in both])

    input_bias, state_bias = gates("bias_ih"), gates("bias_hh")
    biases = np.concatenate([input_bias[:, : 2 * d] + state_bias[:, : 2 * d], input_bias[:, 2 * d :]], axis=1)
    biases = np.concatenate([biases, state_bias[:, 2 * d :]], axis=1)
    codes = ops.parameter([lanes, steps], np.int32)
    inputs = ops.gather(ops.constant(table.numpy()), codes, ops.constant(0))
    node = ops.gru_sequence(
        inputs,
        ops.constant(np.zeros((lanes, 2, d), dtype=np.float32)),
        ops.constant(np.full(lanes, steps, dtype=np.int32)),
        ops.constant(gates("weight_ih")),
        ops.constant(gates("weight_hh")),
        ops.constant(biases),
        d,
        "bidirectional",
        linear_before_reset=True,
    )
    compiled = openvino.Core().compile_model(
        openvino.Model([node.output(0)], [codes]), "CPU", {"INFERENCE_PRECISION_HINT": precision}
    )

    def run(batch: Tensor) -> Tensor:
        states = torch.from_numpy(compiled(batch.T.int().numpy())[0])  # (lanes, 2, steps, d)
        return states.permute(2, 1, 3, 0).reshape(steps, 2 * d, lanes)

    return run


Way = Callable[[], Tensor]


def ways_to_run(model: BiGRUAttention, table: Tensor, codes: Tensor, work: Work, threads: int) -> dict[str, Way]:
    """The ways to get the states of `codes`, by name."""
    network, coarse = (LaneNetwork(model, torch.device("cpu"), dtype) for dtype in (torch.float32, torch.bfloat16))
    units = codes.split(work.lanes, dim=1)
    pool = ThreadPoolExecutor(threads)
    request, coarse_request = (
        openvino_request(model, table, codes.shape[1], work.steps, kind) for kind in ("f32", "bf16")
    )

    def pooled(run: Callable[[Tensor], Tensor]) -> Tensor:
        torch.set_num_threads(1)
        return torch.cat(list(pool.map(torch.inference_mode()(run), units)), dim=2)

    def wide() -> Tensor:
        torch.set_num_threads(threads)
        return by_lanes(network, codes)

    return {
        "lanes": lambda: pooled(lambda unit: by_lanes(network, unit)),
        "wide": wide,
        "torch": lambda: pooled(lambda unit: by_torch(model, table, unit)),
        "openvino": lambda: request(codes),
        "lanes bfloat16": lambda: pooled(lambda unit: by_lanes(coarse, unit)),
        "lanes int8": lambda: pooled(lambda unit: by_lanes(network, unit, run_int8)),
        "openvino bfloat16": lambda: coarse_request(codes),
    }


def compare(hidden: int, work: Work) -> dict[str, dict[str, float]]:
    """Speed and largest error of each way, for a network of this width."""
    torch.manual_seed(1)
    threads = available_threads()
    model = BiGRUAttention(Architecture(hidden=hidden)).eval()
    with torch.inference_mode():
        table = input_table(model)
    codes = torch.randint(0, 4, (work.steps, work.units * threads * work.lanes), dtype=torch.uint8)
    ways = ways_to_run(model, table, codes, work, threads)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    off = {}
    with torch.inference_mode():
        exact = by_torch(model.double(), table.double(), codes)
        model.float()
        for _ in range(ROUNDS):
            for name, way in ways.items():
                began = time.perf_counter()
                states = way()
                seconds[name].append(time.perf_counter() - began)
                off[name] = float((states - exact).abs().max())
    best = {name: min(times) for name, times in seconds.items()}
    return {
        name: {
            "microseconds_a_base_and_strand": 1e6 * best[name] / codes.numel(),
            "of_lanes": best[name] / best["lanes"],
            "off": off[name],
        }
        for name in ways
    }


def main() -> None:
    parser = parser_of(__doc__, "output")
    arguments = parser.parse_args()
    result = {
        "openvino": version("openvino"),
        "hidden": {str(hidden): compare(hidden, ALONG) for hidden in HIDDENS},
        "windows": {str(hidden): compare(hidden, WINDOWS) for hidden in HIDDENS},
    }
    save_result(arguments.output, result)


if __name__ == "__main__":
    main()
