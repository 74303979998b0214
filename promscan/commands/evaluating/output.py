"""An evaluation to the files that a user asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from promscan.commands.evaluating.evaluation import Evaluation
from promscan.commands.evaluating.tables import write_curve, write_summary
from promscan.io.files import open_text_output


class Outputs(NamedTuple):
    """Where an evaluation goes.

    table: curve of recall and precision; None: a summary on standard output, unless the JSON goes there.
    json: all metrics; None: nowhere.
    plot: picture of the curve; None: nowhere.
    """

    table: str | None
    json: str | None
    plot: Path | None


def write_evaluation(evaluation: Evaluation, outputs: Outputs) -> None:
    """Write an evaluation.

    Raises:
        RunError: a file cannot be written.
    """
    if outputs.plot is not None:
        _draw(evaluation, outputs.plot)
    if outputs.json is not None:
        with open_text_output(outputs.json) as file:
            file.write(json.dumps(evaluation.describe(), indent=2) + "\n")
    if outputs.table is not None:
        with open_text_output(outputs.table) as file:
            write_curve(evaluation, file)
    elif outputs.json != "-":
        with open_text_output("-") as file:
            write_summary(evaluation, file)


def _draw(evaluation: Evaluation, path: Path) -> None:
    from promscan.plots.evaluation import plot_evaluation

    blocks, recalls = evaluation.ranking.blocks_of_classes()[0], evaluation.recalls[0]
    at_rates = {
        float(rate): (point.recall, recalls[str(rate)].interval(blocks)) for rate, point in evaluation.rates.items()
    }
    points = evaluation.curve()
    plot_evaluation(points, at_rates, evaluation.class_recalls(points), evaluation.distances, path)
