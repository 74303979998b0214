r"""Write weights with more inputs or layers: a larger network that gives the same scores, to train further.

The weights of the head for new bins and reading frames, and the outputs of new blocks and of a new head for places, are
zero (Chen et al. 2016, Net2Net).

    python -m recipes.steps.grow SMALL.safetensors --context-bins 100,200,300,600,1000 --convolutions 3 \
        --frames 30,90,180,300,480,900 --place 48 --place-in-logit -o BIG.safetensors
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

import promscan
from benchmarks.common import parser_of, widths
from promscan.networks.architecture import Architecture
from promscan.networks.classifier import BiGRUAttention
from promscan.networks.reading_frames import values_of_frames
from promscan.networks.weights import load_model, save_model, source_commit


def main() -> None:
    parser = parser_of(__doc__, "output")
    parser.add_argument("weights")
    parser.add_argument("--context-bins", type=widths, help="Ends of the bins in bp; the first are those of SMALL.")
    parser.add_argument("--convolutions", type=int, help="Blocks, at least as many as in SMALL.")
    parser.add_argument("--frames", type=widths, help="Bins for reading frames, where SMALL has none.")
    parser.add_argument("--place", type=int, help="Hidden units of a head for places, where SMALL has none.")
    parser.add_argument("--place-in-logit", action="store_true")
    arguments = parser.parse_args()
    network, card = load_model(arguments.weights)
    small = network.architecture
    wanted = ("context_bins", "convolutions", "frames", "place", "place_in_logit")
    sizes = {name: getattr(arguments, name) for name in wanted if getattr(arguments, name)}
    big = dataclasses.replace(small, **sizes)
    if big.context_bins[: len(small.context_bins)] != small.context_bins or big.convolutions < small.convolutions:
        parser.error(f"these sizes are not larger than those of the network: {small}")
    if any(getattr(small, name) not in ((), 0, getattr(big, name)) for name in ("frames", "place")):
        parser.error(f"the network has frames or places already: {small}")
    torch.manual_seed(0)
    large = BiGRUAttention(big)
    added = [block.pointwise for block in large.stem[small.convolutions :]]
    if big.place and not small.place:
        added.append(large.place[2])
    for layer in added:
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    tensors = network.state_dict()
    tensors["head.0.weight"] = _with_new_inputs(tensors["head.0.weight"], small, big)
    large.load_state_dict({**large.state_dict(), **tensors})
    card = dataclasses.replace(
        card,
        name=arguments.output.stem,
        training={"grown": {"sha256": card.sha256, "git_commit": card.git_commit, "training": card.training}},
        metrics={},
        promscan_version=promscan.__version__,
        git_commit=source_commit(),
    )
    print(save_model(arguments.output, large, card).sha256)


def _with_new_inputs(seen: Tensor, small: Architecture, big: Architecture) -> Tensor:
    """First weights of the head, (units, inputs): zeros for new reading frames, and for new bins at both ends."""
    width = small.context * len(small.context_bins)
    counted = seen.shape[1] - 2 * width
    frames = seen.new_zeros(len(seen), values_of_frames(big.frames) - values_of_frames(small.frames))
    bins = seen.new_zeros(len(seen), small.context * len(big.context_bins) - width)
    before, after = seen[:, counted : counted + width], seen[:, counted + width :]
    return torch.cat([seen[:, :counted], frames, bins, before, after, bins], dim=1)


if __name__ == "__main__":
    main()
