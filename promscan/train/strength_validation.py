"""Validation of a strength model on dev: predictions, metrics, and the widening of uncertainties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from promscan.metrics.regression import coverage, regression_metrics, widening
from promscan.networks.expression import ExpressionNetwork
from promscan.plots.strength import plot_coverage, plot_predictions
from promscan.seq.dna import Codes
from promscan.strength.reporter import Reporter
from promscan.train.data.unit_rows import UnitRows
from promscan.train.loop.optimiser import require_finite
from promscan.train.loop.trainer import EVALUATION_BATCH

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class StrengthValidation:
    """Predictions of the network for the dev rows of each unit; `main_unit` is the index of the unit that decides.

    predictions: expression and uncertainty of the rows of each unit.
    by_unit: metrics, by the names of unit and metric.
    """

    dev: Sequence[UnitRows]
    main_unit: int
    predictions: Sequence[tuple[Array, Array]]
    by_unit: Mapping[str, Mapping[str, float]]

    def epoch_metrics(self) -> dict[str, float]:
        """Metrics for the row of an epoch."""
        row = {f"dev_{unit}_{name}": value for unit, found in self.by_unit.items() for name, value in found.items()}
        return row | {"dev_pearson": self.by_unit[self.dev[self.main_unit].unit]["pearson"]}

    def by_set(self) -> dict[str, dict[str, dict[str, float]]]:
        """Metrics by unit and set, for each unit whose rows name several sets."""
        found: dict[str, dict[str, dict[str, float]]] = {}
        for rows, (mean, _) in zip(self.dev, self.predictions, strict=True):
            names, counts = np.unique(rows.sets, return_counts=True)
            for name in names[counts > 1].tolist() if len(names) > 1 else ():
                chosen = rows.sets == name
                of_set = regression_metrics(rows.expression[chosen], mean[chosen])
                found.setdefault(rows.unit, {})[name or "."] = {"rows": float(chosen.sum()), **of_set}
        return found

    def plot(self, folder: Path) -> None:
        """Plot the predictions of the unit that decides, and the coverage of their uncertainties."""
        rows, (mean, deviation) = self.dev[self.main_unit], self.predictions[self.main_unit]
        plot_predictions(rows.expression, mean, rows.unit, folder / "dev_predictions.png")
        plot_coverage(coverage(rows.expression, mean, deviation), folder / "dev_coverage.png")


def validate(
    network: ExpressionNetwork,
    dev: Sequence[UnitRows],
    main_unit: int,
    comparable: Sequence[str],
    device: torch.device,
) -> StrengthValidation:
    """Validate the network on dev; sets the widening of its uncertainties.

    A unit without dev rows gets the largest widening of the others.

    Args:
        network: network to validate, with the weights that would be saved.
        dev: dev rows of each unit.
        main_unit: index of the unit that decides.
        comparable: units on the scale of that unit.
        device: device of the network.
    """
    network.widening.fill_(1.0)
    by_head = [predict_inserts(network, rows.inserts, rows.reporter, device) for rows in dev]
    for unit, rows in enumerate(dev):
        if len(rows):
            network.widening[unit] = widening([
                (dev[other].expression, by_head[other][0][:, unit], by_head[other][1][:, unit])
                for other in _calibrating(unit, dev, comparable if unit == main_unit else ())
            ])  # fmt: skip
    measured = torch.tensor([len(rows) > 0 for rows in dev])
    network.widening[~measured] = network.widening[measured].max()
    by_unit, predictions = dict[str, dict[str, float]](), list[tuple[Array, Array]]()
    for unit, rows in enumerate(dev):
        mean, deviation = (values[:, unit] for values in by_head[unit])
        predictions.append((mean, deviation * network.widening[unit].item()))
        if len(rows):
            by_unit[rows.unit] = regression_metrics(rows.expression, mean)
    return StrengthValidation(dev, main_unit, predictions, by_unit)


def _calibrating(unit: int, dev: Sequence[UnitRows], comparable: Sequence[str]) -> list[int]:
    """Units whose dev rows decide the widening of a unit.

    Scores are wanted for inserts of any origin, so the unit of the scores is fitted on all units that share its scale.
    """
    return [other for other, rows in enumerate(dev) if len(rows) and (other == unit or rows.unit in comparable)]


def predict_inserts(
    network: ExpressionNetwork, inserts: Codes, reporter: Reporter, device: torch.device
) -> tuple[Array, Array]:
    """Predict expression and uncertainty, (n, units) float32 each, of inserts (n, length), in evaluation mode."""
    network.eval()
    nothing = torch.empty((0, len(network.architecture.units)))
    means, deviations = [nothing], [nothing]
    with torch.inference_mode():
        for begin in range(0, len(inserts), EVALUATION_BATCH):
            constructs = reporter.padded(inserts[begin : begin + EVALUATION_BATCH], network.architecture.length)
            codes = torch.from_numpy(constructs)
            mean, deviation = network.predict(codes.to(device))
            means.append(mean.cpu())
            deviations.append(deviation.cpu())
    for values in (means, deviations):
        require_finite(torch.cat(values))
    return torch.cat(means).numpy(), torch.cat(deviations).numpy()
