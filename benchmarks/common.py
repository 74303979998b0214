"""Options, public data, results and pictures of the benchmark scripts.

Every result says where it comes from: command, commit, version, machine, and the sha256 of the weights.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

import promscan
from promscan.networks.card import Card
from promscan.networks.device import available_threads
from promscan.networks.weights import source_commit
from promscan.seq.records import Hit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
"""One folder for each version of promscan, with the results that were measured with it."""
WEIGHTS_TEXT = "Weights"
"""Key of the PNG text that names the models of a picture, `NAME sha256`, one a line."""


class PublicGenome(NamedTuple):
    """Places of a genome and its listed starts in the public data, and the contigs for choosing and for the test."""

    genome: str
    starts: str
    dev: tuple[str, ...]
    test: tuple[str, ...]


HUMAN = PublicGenome("human/hg38_contigs.fa", "human/hg38_tss.bed", ("chr9", "chr17"), ("chr10", "chr16"))
ECOLI = PublicGenome(
    "bacteria/genomes.fa.gz",
    "bacteria/tss.bed.gz",
    ("NC_000913.3:0-2320826:928331-1160413",),
    ("NC_000913.3:0-2320826:1160414-1392495",),
)
BACTERIA = PublicGenome(
    "bacteria/genomes.fa.gz",
    "bacteria/tss.bed.gz",
    (*ECOLI.dev, "LR031521.1:0-938725:375491-469362"),
    (*ECOLI.test, "LR031521.1:0-938725:469363-563235"),
)
"""*E. coli* and *S. pyogenes*."""
POMBE = PublicGenome("pombe/ASM294v2_without_III.fa.gz", "pombe/tss.bed", ("II:1-900000",), ("II:900001-1800000",))
YEAST = PublicGenome("yeast/R64-1-1_without_IV_XI.fa", "yeast/tss.bed", ("chrII", "chrXVI"), ("chrX",))

EPDNEW_CLASSES = r"(?P<main>_1$)|(?P<alternative>_\d+$)"
"""EPDnew ends the name of the main start of a gene in _1, of the others in _2 and so on."""


class ModelHits(list[Hit]):
    """The hits of a scan, to judge more than once and in any part, and the card, which says how to judge them."""

    def __init__(self, scan: promscan.Scan) -> None:
        super().__init__(scan)
        self.card: Card = scan.card


_OPTIONS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "model": (["model"], {"help": "Bundled name or weights file."}),
    "models": (["models"], {"nargs": "+", "help": "Bundled names or weights files."}),
    "data": (["--data"], {"type": Path, "help": "Folder of the public data.  [default: $PROMSCAN_DATA]"}),
    "genome": (["--genome"], {"type": Path, "required": True, "help": "FASTA file."}),
    "tss": (["--tss"], {"type": Path, "required": True, "help": "BED file of the listed transcription starts."}),
    "contigs": (
        ["--contigs"],
        {"required": True, "help": "Contigs, regions, or names before a colon, with commas between them."},
    ),
    "device": (["--device"], {"default": "cpu", "help": "cpu or cuda.  [default: cpu]"}),
    "threads": (["--threads"], {"type": int, "help": "CPU threads.  [default: all]"}),
    "output": (["-o", "--output"], {"type": Path, "required": True, "help": "JSON file of the result."}),
}


def parser_of(description: str | None, *options: str) -> argparse.ArgumentParser:
    """A parser with the named options of those that scripts share; the description is shown as it is."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in options:
        flags, settings = _OPTIONS[name]
        if name == "data":
            folder = os.environ.get("PROMSCAN_DATA")
            settings = {**settings, "required": folder is None, "default": None if folder is None else Path(folder)}
        parser.add_argument(*flags, **settings)
    return parser


def widths(text: str) -> tuple[int, ...]:
    """Widths in bp from an option, with commas between them."""
    return tuple(int(word) for word in text.split(",") if word)


def command_line(words: Sequence[str]) -> str:
    """The command of a script as a page shows it: DATA stands for the public data, and no path of the machine."""
    script = Path(words[0]).resolve()
    inside = script.relative_to(ROOT) if script.is_relative_to(ROOT) else Path(script.name)
    folder = words[words.index("--data") + 1] if "--data" in words[:-1] else os.environ.get("PROMSCAN_DATA")
    shown = [_without_folder(word, folder) for word in words[1:]]
    return shlex.join(["python", "-m", ".".join(inside.with_suffix("").parts), *shown])


def _without_folder(word: str, data: str | None) -> str:
    path = Path(word)
    if data is not None and path.is_relative_to(data):
        return str("DATA" / path.relative_to(data))
    if path.is_absolute():
        return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name
    return word


def machine() -> dict[str, Any]:
    """What decides about speed and last bits."""
    return {
        "processor": _processor(),
        "threads": available_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def models_of(*cards: Card) -> list[dict[str, str]]:
    """The names and sha256 of weights, as a result lists them."""
    return [{"name": card.name, "sha256": card.sha256} for card in cards]


def save_result(path: Path, values: Mapping[str, Any], *cards: Card) -> None:
    """Write a result with its origin, and show it without that."""
    origin = {
        "promscan": promscan.__version__,
        "commit": source_commit(),
        "command": command_line(sys.argv),
        "models": models_of(*cards),
        "machine": machine(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"origin": origin, **values}, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(values, indent=2))


def read_result(path: Path) -> dict[str, Any]:
    """A result as `save_result` wrote it."""
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values


def versions() -> list[Path]:
    """The folders of the results, newest version first."""
    folders = [path for path in RESULTS.iterdir() if path.is_dir()]
    return sorted(folders, key=lambda path: [int(part) for part in path.name.split(".")], reverse=True)


def newest_results() -> Iterator[Path]:
    """The newest file of each result, sorted by name."""
    newest: dict[str, Path] = {}
    for folder in versions():
        for path in folder.glob("*.json"):
            newest.setdefault(path.name, path)
    yield from (newest[name] for name in sorted(newest))


def find_result(name: str) -> Path | None:
    """The newest file of this name; None if it was never measured."""
    return next((path for path in newest_results() if path.name == name), None)


def save_picture(figure: Figure, path: Path, models: Sequence[Mapping[str, str]]) -> None:
    """Save a PNG that names the weights it was drawn from, which are listed as in a result."""
    text = "\n".join(f"{model['name']} {model['sha256']}" for model in models)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="png", dpi=120, metadata={"Software": None, WEIGHTS_TEXT: text or "none"})


def interval95(draws: npt.NDArray[Any]) -> list[float]:
    """The 95 % interval of bootstrap draws, rounded to four decimals."""
    return [round(float(bound), 4) for bound in np.quantile(draws, [0.025, 0.975])]
