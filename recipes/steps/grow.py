r"""Write weights with more context or more convolutions: a larger network that gives the same scores, to train further.

The weights of the head for new bins, and the outputs of new blocks, are zero (Chen et al. 2016, Net2Net).

    python -m recipes.steps.grow SMALL.safetensors --context-bins 100,200,300,600,1000 --convolutions 3 \
        -o BIG.safetensors
"""

from __future__ import annotations

import dataclasses

import torch

import promscan
from benchmarks.common import parser_of
from promscan.networks.classifier import BiGRUAttention
from promscan.networks.weights import load_model, save_model, source_commit


def main() -> None:
    parser = parser_of(__doc__, "output")
    parser.add_argument("weights")
    parser.add_argument("--context-bins", help="Ends of the bins in bp; the first are those of SMALL.")
    parser.add_argument("--convolutions", type=int, help="Blocks, at least as many as in SMALL.")
    arguments = parser.parse_args()
    network, card = load_model(arguments.weights)
    small = network.architecture
    bins, blocks = small.context_bins, arguments.convolutions or small.convolutions
    if arguments.context_bins:
        bins = tuple(int(word) for word in arguments.context_bins.split(","))
    if bins[: len(small.context_bins)] != small.context_bins or blocks < small.convolutions:
        parser.error(f"these sizes are not larger than those of the network: {small}")
    torch.manual_seed(0)
    large = BiGRUAttention(dataclasses.replace(small, context_bins=bins, convolutions=blocks))
    for block in large.stem[small.convolutions :]:
        torch.nn.init.zeros_(block.pointwise.weight)
        torch.nn.init.zeros_(block.pointwise.bias)
    tensors = network.state_dict()
    seen = tensors["head.0.weight"]
    own = seen.shape[1] - 2 * len(small.context_bins) * small.context
    new = torch.zeros(len(seen), (len(bins) - len(small.context_bins)) * small.context)
    tensors["head.0.weight"] = torch.cat([seen[:, :own], new, seen[:, own:], new], dim=1)
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


if __name__ == "__main__":
    main()
