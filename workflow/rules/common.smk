# The sample sheet, the plan of shards, and what they cost.

import csv
import importlib.util
import os
import re
import shlex
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.utils import validate

validate(config, "../schemas/config.schema.yaml")

SCAN = config["scan"]
COST = config["cost"]
FORMAT = SCAN["format"]
DEVICE = "cuda" if SCAN["gpus"] else "cpu"
ENVIRONMENT = "../envs/promscan-gpu.yaml" if SCAN["gpus"] else "../envs/promscan.yaml"
CONTAINER = config["container"]
DEPLOYED = bool(workflow.deployment_settings.deployment_method)
"""Whether jobs get promscan from a conda environment or a container."""
PYTHON = "python" if DEPLOYED else sys.executable
"""The Python of scripts, which need promscan: another one may be the first on the PATH."""

BASES_A_BYTE = {".gz": 3.5, ".bgz": 3.5, ".bz2": 4.0, ".xz": 4.5, ".zst": 4.0}
"""Bases in a byte of a compressed FASTA, about: enough to plan shards of similar size."""


@dataclass(frozen=True)
class Sample:
    """A genome of the sample sheet, and the files of its results."""

    name: str
    genome: str
    model: str
    genes: str
    truth: str
    bases: int

    @property
    def shards(self) -> int:
        return max(1, ceil(self.bases / SCAN["shard_bases"]))

    @property
    def hits(self) -> str:
        return f"results/hits/{self.name}.{FORMAT}.gz"

    @property
    def annotated(self) -> str:
        return f"results/annotated/{self.name}.tsv"

    @property
    def reported(self) -> str:
        """The hits that the report shows: with their genes, where there are some."""
        return self.annotated_hits if self.genes else self.hits

    @property
    def annotated_hits(self) -> str:
        return f"results/annotated/{self.name}.{FORMAT}"

    @property
    def report(self) -> str:
        return f"results/reports/{self.name}.html"

    @property
    def evaluation(self) -> str:
        return f"results/evaluation/{self.name}.json"

    @property
    def own_index(self) -> list[str]:
        """Index files with which shards can read the genome as it is; none where they cannot."""
        packed = os.path.splitext(self.genome)[1] in BASES_A_BYTE
        files = [self.genome + suffix for suffix in ([".fai", ".gzi"] if packed else [".fai"])]
        return files if all(map(self._is_newer, files)) else []

    def _is_newer(self, path: str) -> bool:
        return os.path.isfile(path) and os.path.getmtime(path) >= os.path.getmtime(self.genome)

    @property
    def indexed_genome(self) -> str:
        """The genome that shards read."""
        return self.genome if self.own_index else f"results/genomes/{self.name}.fa"

    @property
    def index(self) -> list[str]:
        """Index files of the genome that shards read."""
        return self.own_index or [f"{self.indexed_genome}.fai"]

    @property
    def core_hours(self) -> float:
        speed = COST["bases_per_core_hour"]
        start = self.shards * COST["seconds_to_start"] * SCAN["threads"] / 3600
        return self.bases / speed.get(self.model, speed["other"]) + start

    @property
    def parts(self) -> list[str]:
        """Outputs of the shards, in their order; none where the genome is scanned in one piece."""
        if self.shards == 1:
            return []
        return [f"results/shards/{self.name}/{part}-of-{self.shards}.{FORMAT}" for part in range(1, self.shards + 1)]

    @property
    def summaries(self) -> list[str]:
        parts = [part.replace("results/shards/", "results/summaries/", 1) for part in self.parts]
        return [f"{part}.json" for part in parts] or [f"results/summaries/{self.name}.json"]


def count_bases(genome: str, stated: str) -> int:
    """Length of a genome: as stated, else from its index, else estimated from the size of its file."""
    if stated:
        return int(stated)
    if os.path.isfile(f"{genome}.fai"):
        try:
            with open(f"{genome}.fai", encoding="utf-8") as index:
                return sum(int(line.split("\t")[1]) for line in index if line.strip())
        except (IndexError, ValueError) as error:
            raise WorkflowError(f"{genome}.fai: this is no index; rebuild it: samtools faidx (or remove it)") from error
    return int(os.path.getsize(genome) * BASES_A_BYTE.get(os.path.splitext(genome)[1], 1.0))


def read_samples(path: str) -> dict[str, Sample]:
    """The sample sheet, checked before any job starts."""
    if not os.path.isfile(path):
        raise WorkflowError(f"{path}: there is no such sample sheet; name it as `samples` in the configuration")
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(rows_of(path, file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise WorkflowError(f"{path}: not a table in UTF-8; save it as text with tabs") from error
    samples = {}
    # One validation for all rows: each call reads the schema from its file.
    validate({"rows": rows}, "../schemas/samples.schema.yaml")
    for row in rows:
        sample = read_sample(path, row)
        if sample.name in samples:
            raise WorkflowError(f"{path}: sample {sample.name} comes twice; give each row a name of its own")
        samples[sample.name] = sample
    if not samples:
        raise WorkflowError(f"{path}: has no sample; add a row for each genome")
    return samples


def rows_of(path: str, file: Iterable[str]) -> Iterator[dict[str, str]]:
    """The rows of a table, without their empty cells; rows of empty cells, as Excel leaves them, are none."""
    reader = csv.DictReader(file, delimiter="\t")
    for row in reader:
        if any(cell.strip() for cell in row.pop(None, [])):
            raise WorkflowError(f"{path}, line {reader.line_num}: more cells than columns; correct the row")
        if cells := {key: value.strip() for key, value in row.items() if key and value and value.strip()}:
            yield cells


def read_sample(path: str, row: dict[str, str]) -> Sample:
    """One row of the sample sheet; its files must exist."""
    for column in ("genome", "genes", "truth"):
        if column in row and not os.path.isfile(row[column]):
            raise WorkflowError(f"{path}: sample {row['sample']}: there is no file {row[column]}; check `{column}`")
    return Sample(
        name=row["sample"],
        genome=row["genome"],
        model=row.get("model", SCAN["model"]),
        genes=row.get("genes", ""),
        truth=row.get("truth", ""),
        bases=count_bases(row["genome"], row.get("bases", "")),
    )


def any_of(names: Iterable[str]) -> str:
    """A pattern of these names; one that no name fits where there is none."""
    return "|".join(map(re.escape, names)) or "(?!)"


def sample_of(wildcards) -> Sample:
    return SAMPLES[wildcards.sample]


def options_of(command: str) -> list[str]:
    """The user's options of a command, as words, so that each can be quoted for the shell."""
    return shlex.split(config.get(command, {}).get("options", ""))


def scan_minutes(wildcards, attempt) -> int:
    """Time for one job: five minutes and three times what was measured, and as much again on each further attempt."""
    sample = sample_of(wildcards)
    hours = sample.core_hours / sample.shards / SCAN["threads"]
    return (5 + ceil(180 * hours)) * attempt


def scan_memory(wildcards, attempt) -> int:
    """Memory for one job in MB: twice what was measured (0.55 GB for one thread, 0.25 for each further one)."""
    return (600 + 500 * SCAN["threads"]) * attempt


def cost_of(samples: Iterable[Sample]) -> str:
    """One line that says what the genomes without hits will cost."""
    todo = [sample for sample in samples if not os.path.isfile(sample.hits)]
    bases, jobs = sum(sample.bases for sample in todo), sum(sample.shards for sample in todo)
    line = f"{len(todo):,} genomes to scan, about {bases:,} bases, in {jobs:,} shards"
    if SCAN["gpus"]:
        return f"{line}; GPU-hours were not measured"
    hours = sum(sample.core_hours for sample in todo)
    return f"{line}: about {hours:,.2f} core-hours, at the speed that `cost` gives"


def check_installation() -> None:
    """Warn before hours of scans if the scripts after them cannot run; jobs may run where promscan is installed."""
    if not DEPLOYED and importlib.util.find_spec("promscan") is None:
        logger.warning(
            f"promscan is not installed in {sys.executable}, the Python of Snakemake; indexes and the tables of"
            " MultiQC need it, unless all jobs run elsewhere: pip install promscan in the environment of Snakemake"
        )


SAMPLES = read_samples(config["samples"])
WHOLE = any_of(sample.name for sample in SAMPLES.values() if sample.shards == 1)
DIVIDED = any_of(sample.name for sample in SAMPLES.values() if sample.shards > 1)


wildcard_constraints:
    shard="[0-9]+",
    shards="[0-9]+",
