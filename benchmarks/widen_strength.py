r"""Fit anew how far the uncertainties of a trained strength model are widened, on dev.

It is what `promscan train strength --comparable` does after each epoch, for weights that were trained without it: the
factor of the unit of the scores is that for its own measurements and those of comparable units together. Dev is found
again by dividing the same tables in the same way; nothing of test is looked at.

    python benchmarks/widen_strength.py runs/tuned/last.safetensors --comparable native --data DATA \
        -o runs/tuned/widened.safetensors
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import torch
from strength import divide_again

from promscan import figures
from promscan.checkpoint import load_strength, save_model, source_commit
from promscan.measurements import DEV
from promscan.reporter import Reporter
from promscan.train.strength import predict_inserts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--comparable", action="append", default=[], metavar="UNIT")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    network, card = load_strength(arguments.model)
    split = divide_again(card, arguments.data)
    unit = card.strength["unit"]
    head = network.architecture.units.index(unit)
    before = float(network.widening[head])
    network.widening[head] = 1.0
    reporter, cpu, groups = Reporter(**card.strength["reporter"]), torch.device("cpu"), []
    for name in (unit, *arguments.comparable):
        inserts, measured = split.rows(name, DEV)
        mean, deviation = (values[:, head] for values in predict_inserts(network, inserts, reporter, cpu))
        groups.append((measured, mean, deviation))
    network.widening[head] = figures.widening(groups)
    widened = {"comparable": arguments.comparable, "git_commit": source_commit()}
    card = dataclasses.replace(card, training={**card.training, "widened": widened})
    print(f"{before:.4f} to {float(network.widening[head]):.4f}:", save_model(arguments.output, network, card).sha256)


if __name__ == "__main__":
    main()
