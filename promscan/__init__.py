"""promscan finds promoters in DNA and predicts how strong they are.

All that the command line does can be called from Python:

    import promscan

    for hit in promscan.scan("genome.fa"):
        print(hit.chrom, hit.tss, hit.strand, hit.probability)

Importing it is cheap: the first call that needs the network library loads it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from promscan.commands.annotate import annotate, hit_sequences
    from promscan.commands.annotating.classes import Annotation
    from promscan.commands.annotating.sequences import HitSequence
    from promscan.commands.calibrate import calibrate
    from promscan.commands.design import Design, design
    from promscan.commands.evaluate import evaluate
    from promscan.commands.evaluating.evaluation import Evaluation
    from promscan.commands.explain import explain
    from promscan.commands.explaining.explanation import Explanation
    from promscan.commands.genome_scores import PositionScores, score_genome
    from promscan.commands.merge import merge
    from promscan.commands.report import report
    from promscan.commands.scan import Scan
    from promscan.commands.scan import Scan as scan
    from promscan.commands.score import Score, StrengthScore, score
    from promscan.commands.selftest import Check, selftest
    from promscan.commands.variants import Variant, VariantEffect, variants
    from promscan.commands.variation.job import VariantEffects
    from promscan.errors import PromscanError
    from promscan.networks.weights import load_model, load_strength
    from promscan.seq.records import Hit
    from promscan.strength.measurements import read_measurements
    from promscan.train.data.labelled_genome import read_labelled_genome
    from promscan.train.data.labelled_windows import read_windows
    from promscan.train.data.unlabelled import read_unlabelled
    from promscan.train.genome import train_genome
    from promscan.train.genome_trainer import GenomeRecipe
    from promscan.train.pretrain import PretrainRecipe, train_unlabelled
    from promscan.train.strength import train_strength
    from promscan.train.strength_trainer import StrengthRecipe
    from promscan.train.windows import WindowRecipe, train_windows

__version__ = "0.1.0"

_MODULES = {
    "promscan.commands.annotate": ("annotate", "hit_sequences"),
    "promscan.commands.annotating.classes": ("Annotation",),
    "promscan.commands.annotating.sequences": ("HitSequence",),
    "promscan.commands.calibrate": ("calibrate",),
    "promscan.commands.design": ("Design", "design"),
    "promscan.commands.evaluate": ("evaluate",),
    "promscan.commands.evaluating.evaluation": ("Evaluation",),
    "promscan.commands.explain": ("explain",),
    "promscan.commands.explaining.explanation": ("Explanation",),
    "promscan.commands.genome_scores": ("PositionScores", "score_genome"),
    "promscan.commands.merge": ("merge",),
    "promscan.commands.report": ("report",),
    "promscan.commands.scan": ("Scan",),
    "promscan.commands.score": ("Score", "StrengthScore", "score"),
    "promscan.commands.selftest": ("Check", "selftest"),
    "promscan.commands.variants": ("Variant", "VariantEffect", "variants"),
    "promscan.commands.variation.job": ("VariantEffects",),
    "promscan.errors": ("PromscanError",),
    "promscan.networks.weights": ("load_model", "load_strength"),
    "promscan.seq.records": ("Hit",),
    "promscan.strength.measurements": ("read_measurements",),
    "promscan.train.data.labelled_genome": ("read_labelled_genome",),
    "promscan.train.data.labelled_windows": ("read_windows",),
    "promscan.train.data.unlabelled": ("read_unlabelled",),
    "promscan.train.genome": ("train_genome",),
    "promscan.train.genome_trainer": ("GenomeRecipe",),
    "promscan.train.pretrain": ("PretrainRecipe", "train_unlabelled"),
    "promscan.train.strength": ("train_strength",),
    "promscan.train.strength_trainer": ("StrengthRecipe",),
    "promscan.train.windows": ("WindowRecipe", "train_windows"),
}
_HOMES = {name: (module, name) for module, names in _MODULES.items() for name in names}
_HOMES["scan"] = ("promscan.commands.scan", "Scan")

__all__ = [
    "Annotation",
    "Check",
    "Design",
    "Evaluation",
    "Explanation",
    "GenomeRecipe",
    "Hit",
    "HitSequence",
    "PositionScores",
    "PretrainRecipe",
    "PromscanError",
    "Scan",
    "Score",
    "StrengthRecipe",
    "StrengthScore",
    "Variant",
    "VariantEffect",
    "VariantEffects",
    "WindowRecipe",
    "annotate",
    "calibrate",
    "design",
    "evaluate",
    "explain",
    "hit_sequences",
    "load_model",
    "load_strength",
    "merge",
    "read_labelled_genome",
    "read_measurements",
    "read_unlabelled",
    "read_windows",
    "report",
    "scan",
    "score",
    "score_genome",
    "selftest",
    "train_genome",
    "train_strength",
    "train_unlabelled",
    "train_windows",
    "variants",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'promscan' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(importlib.import_module(module), attribute)


def __dir__() -> list[str]:
    """The public calls and types, for `dir()` and tab completion, whether they are loaded or not."""
    return sorted([*__all__, *(name for name in globals() if name.startswith("__"))])
