"""Check of an installation: the bundled models on the demo genome, compared with stored results."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import promscan
from promscan.calling.settings import calling_logit
from promscan.commands.scan import Scan
from promscan.commands.score import Score, score
from promscan.errors import RunError
from promscan.io.sequences import read_sequences
from promscan.networks.card import Card, read_card
from promscan.networks.model_files import bundled_models, find_model
from promscan.seq import dna
from promscan.seq.windows import WINDOW

TOLERANCE = 0.01
"""Largest difference of a score: other processors and other versions of torch round differently."""
SEQUENCES = 16
"""Sequences of the demo genome that a model of single sequences scores."""
APART = 1_000
"""Distance in bp between their starts."""
FP_PER_MB = 500.0
"""False positives per Mb to call at. The rate is high, so that every scanning model has hits."""

Values = dict[str, float]
"""Scores by the name of their hit or sequence."""


class Check(NamedTuple):
    """Result of one model.

    model: name of the model.
    compared: number of hits or sequences.
    difference: largest difference of a score that both results have.
    problem: what differs, in words; None if nothing does.
    """

    model: str
    compared: int
    difference: float
    problem: str | None


def demo_folder() -> Path:
    """The folder of the demo genome: inside an installed package, in the tests of a checkout."""
    here = Path(promscan.__file__).resolve().parent
    installed = here / "demo"
    return installed if installed.is_dir() else here.parent / "tests" / "data"


def selftest(*, device: str = "auto", threads: int | None = None) -> Iterator[Check]:
    """Run every bundled model on the demo genome and yield a `Check` for each.

    Streaming models scan the genome (50 kb); the others score short sequences of it.

    Args:
        device: `auto`, `cpu`, `cuda`, `cuda:N`, `mps` or `all`.
        threads: CPU threads (None: all).

    Raises:
        RunError: the stored results are missing.
        DeviceError: there is no such device.
    """
    path = demo_folder() / "selftest.json"
    try:
        expected = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error.strerror}); install promscan again") from error
    for name in bundled_models():
        card = read_card(find_model(name))
        stored = expected.get(name)
        if stored is None or stored["sha256"] != card.sha256:
            yield Check(name, 0, 0.0, "its weights are not those of this version; install promscan again")
            continue
        yield compare(name, stored["values"], results(name, card, device, threads), lowest=stored["threshold"])


def results(name: str, card: Card, device: str, threads: int | None) -> Values:
    """The scores of a model on the demo genome."""
    demo = demo_folder() / "demo.fa"
    if card.engine == "streaming":
        scan = Scan(demo, model=name, fp_per_mb=FP_PER_MB, strength=None, device=device, threads=threads)
        return {hit.name: hit.logit for hit in scan}
    length = WINDOW if card.strength is None else card.strength.reporter.insert
    scored = score(_sequences(demo, length), model=name, device=device, threads=threads)
    values = ((each.name, each.logit if isinstance(each, Score) else each.strength) for each in scored)
    return {name: value for name, value in values if value is not None}


def describe() -> dict[str, Any]:
    """The results to store: checksum, calling logit (None without one) and scores of each bundled model."""
    stored = {}
    for name in bundled_models():
        card = read_card(find_model(name))
        threshold = calling_logit(card, None, FP_PER_MB) if card.engine == "streaming" else None
        values = {key: round(value, 4) for key, value in results(name, card, "cpu", 1).items()}
        stored[name] = {"sha256": card.sha256, "threshold": threshold, "values": values}
    return stored


def compare(model: str, expected: Mapping[str, float], got: Mapping[str, float], lowest: float | None) -> Check:
    """Compare scores; a hit that only one side has counts if it is higher than `lowest` by more than the tolerance."""
    common = sorted(expected.keys() & got.keys())
    differences = [abs(expected[key] - got[key]) if math.isfinite(got[key]) else math.inf for key in common]
    difference = max(differences, default=0.0)
    problems = [
        f"{len(keys)} {kind}, the first {keys[0]}"
        for kind, mine, other in (("missing", expected, got), ("unexpected", got, expected))
        if (keys := sorted(k for k in mine.keys() - other.keys() if lowest is None or mine[k] > lowest + TOLERANCE))
    ]
    if difference > TOLERANCE:
        worst = common[differences.index(difference)]
        problems.append(f"{worst} scores {got[worst]:.4f} instead of {expected[worst]:.4f}")
    return Check(model, len(expected), difference, "; ".join(problems) or None)


def _sequences(demo: Path, length: int) -> dict[str, str]:
    first = next(iter(read_sequences(str(demo))))
    starts = range(0, SEQUENCES * APART, APART)
    return {f"{first.name}:{start}": dna.decode(first.codes[start : start + length]) for start in starts}
