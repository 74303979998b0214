"""How good a strength model is, told on dev: its predictions, their figures, and how far uncertainties are widened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from promscan.metrics.regression import coverage, regression_metrics, widening
from promscan.networks.expression import ExpressionNetwork
from promscan.plots.strength import plot_coverage, plot_predictions
from promscan.seq.dna import Codes
from promscan.strength.reporter import Reporter
from promscan.train.data.unit_rows import UnitRows

Array = npt.NDArray[Any]

EVALUATION_BATCH = 512


@dataclass(frozen=True)
class Judgement:
    """What the network says of the dev rows of each unit; `judged` is the index of the unit that decides.

    predictions: for each unit, expression and uncertainty of its rows.
    by_unit: figures, by the names of unit and figure.
    """

    dev: Sequence[UnitRows]
    judged: int
    predictions: Sequence[tuple[Array, Array]]
    by_unit: Mapping[str, Mapping[str, float]]

    def row(self) -> dict[str, float]:
        """The figures as metrics of an epoch."""
        row = {f"dev_{unit}_{name}": value for unit, found in self.by_unit.items() for name, value in found.items()}
        return row | {"dev_pearson": self.by_unit[self.dev[self.judged].unit]["pearson"]}

    def by_set(self) -> dict[str, dict[str, dict[str, float]]]:
        """Figures of each unit whose rows name several sets, by unit and set."""
        found: dict[str, dict[str, dict[str, float]]] = {}
        for rows, (mean, _) in zip(self.dev, self.predictions, strict=True):
            names, counts = np.unique(rows.sets, return_counts=True)
            for name in names[counts > 1].tolist() if len(names) > 1 else ():
                chosen = rows.sets == name
                of_set = regression_metrics(rows.expression[chosen], mean[chosen])
                found.setdefault(rows.unit, {})[name or "."] = {"rows": float(chosen.sum()), **of_set}
        return found

    def plot(self, folder: Path) -> None:
        """Draw the predictions of the unit that decides, and what their uncertainties cover."""
        rows, (mean, deviation) = self.dev[self.judged], self.predictions[self.judged]
        plot_predictions(rows.expression, mean, rows.unit, folder / "dev_predictions.png")
        plot_coverage(coverage(rows.expression, mean, deviation), folder / "dev_coverage.png")


def judge(
    network: ExpressionNetwork,
    dev: Sequence[UnitRows],
    judged: int,
    comparable: Sequence[str],
    reporter: Reporter,
    device: torch.device,
) -> Judgement:
    """Judge the network on dev; sets how far its uncertainties are widened.

    Args:
        network: as it would be kept.
        dev: the rows of each unit.
        judged: index of the unit that decides.
        comparable: units on its scale.
        reporter: what the inserts stand in.
        device: where the network is.
    """
    network.widening.fill_(1.0)
    by_head = [predict_inserts(network, rows.inserts, reporter, device) for rows in dev]
    by_unit, predictions = dict[str, dict[str, float]](), list[tuple[Array, Array]]()
    for unit, rows in enumerate(dev):
        factor = widening([
            (dev[other].expression, by_head[other][0][:, unit], by_head[other][1][:, unit])
            for other in _calibrating(unit, dev, comparable if unit == judged else ())
        ])  # fmt: skip
        network.widening[unit] = factor
        mean, deviation = (values[:, unit] for values in by_head[unit])
        by_unit[rows.unit] = regression_metrics(rows.expression, mean)
        predictions.append((mean, deviation * factor))
    return Judgement(dev, judged, predictions, by_unit)


def _calibrating(unit: int, dev: Sequence[UnitRows], comparable: Sequence[str]) -> list[int]:
    """The units whose dev rows say how far uncertainties of a unit are widened.

    A score is asked for inserts of any origin, so that of the scores is calibrated on all that share its scale.
    """
    return [other for other, rows in enumerate(dev) if other == unit or rows.unit in comparable]


def predict_inserts(
    network: ExpressionNetwork, inserts: Codes, reporter: Reporter, device: torch.device
) -> tuple[Array, Array]:
    """Expression and uncertainty, (n, units) float32 each, of inserts (n, insert length), in evaluation mode."""
    network.eval()
    means, deviations = list[Tensor](), list[Tensor]()
    with torch.inference_mode():
        for begin in range(0, len(inserts), EVALUATION_BATCH):
            codes = torch.from_numpy(reporter.constructs(inserts[begin : begin + EVALUATION_BATCH]))
            mean, deviation = network.predict(codes.to(device))
            means.append(mean.cpu())
            deviations.append(deviation.cpu())
    return torch.cat(means).numpy(), torch.cat(deviations).numpy()
