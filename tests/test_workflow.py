"""The Snakemake workflow: its plan, its messages, and that its hits have the bytes of single scans."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from subprocess import CompletedProcess

import pysam
import pytest
from genomes import DATA, TINY, demo_contigs, random_bases, tiny_streaming, write_fasta

ROOT = Path(__file__).parent.parent
SNAKEFILE = ROOT / "workflow" / "Snakefile"

KILLED_ONCE = """#!{python}
# promscan, which kills itself in its first scan of shard 2/2 as soon as its journal says that a chunk is done.
import os, signal, sys
from pathlib import Path

from promscan.commands.scanning import journal
from promscan.commands.scanning.journal_file import JournalFile

mark = Path({mark!r})
if "2/2" in sys.argv and not mark.exists():
    journal.INTERVAL = 0
    append = JournalFile.append

    def append_and_die(self, line):
        append(self, line)
        if "place" in line:
            mark.write_text(str(self.folder))
            os.kill(os.getpid(), signal.SIGKILL)

    JournalFile.append = append_and_die

from promscan.cli import main
sys.argv[0] = "promscan"
main()
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path):
    """Three genomes with a sample sheet: two in one piece, one with uneven lines that needs two shards."""
    pytest.importorskip("snakemake")
    demo = demo_contigs()
    first = write_fasta(tmp_path / "small.fa", {"chr1": demo["demo1"]})
    second = write_fasta(tmp_path / "packed.fa.gz", {"chr1": demo["demo2"]}, packing="gzip")
    third = tmp_path / "large.fa"
    uneven = demo["demo1"] + random_bases(80_000, seed=1)
    third.write_text(f">chr1\n{uneven[:70_001]}\n{uneven[70_001:]}\n>chr2\n{demo['demo2']}\n")
    rows = [
        ("sample", "genome", "genes", "truth"),
        ("small", first, "", ""),
        ("packed", second, "", ""),
        ("large", third, genes(tmp_path), truth(tmp_path)),
    ]
    (tmp_path / "samples.tsv").write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
    settings = {
        "samples": "samples.tsv",
        "scan": {"model": str(TINY), "strength": "none", "format": "bed", "options": "", "shard_bases": 100_000,
                 "threads": 1, "gpus": 0},
        "annotate": {"options": ""},
        "evaluate": {"options": ""},
        "report": {"wanted": True, "options": "--details 3 --device cpu"},
        "cost": {"bases_per_core_hour": {str(TINY): 1_000_000, "other": 1}, "seconds_to_start": 0},
        "container": "",
    }  # fmt: skip
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.yaml").write_text(json.dumps(settings))
    return tmp_path


def genes(folder: Path) -> Path:
    path = folder / "genes.bed"
    path.write_text("chr1\t1500\t9000\tgene1\t0\t+\n")
    return path


def truth(folder: Path) -> Path:
    path = folder / "truth.bed"
    path.write_text((DATA / "demo_tss.bed").read_text().replace("demo", "chr"))
    return path


def snakemake(folder: Path, *arguments: str, program: Sequence[str] = ("-m", "snakemake")) -> CompletedProcess[str]:
    paths = [str(folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
    places = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PATH": os.pathsep.join(paths), "PYTHONPATH": os.pathsep.join(places)}
    command = [sys.executable, *program, "--snakefile", str(SNAKEFILE), *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def grow(folder: Path) -> Path:
    """Make the genomes two to four Mb long; returns a model that is fast enough for them."""
    demo, model = demo_contigs(), tiny_streaming()
    write_fasta(folder / "small.fa", {"chr1": demo["demo1"] + random_bases(2_000_000, seed=3)})
    write_fasta(folder / "packed.fa.gz", {"chr1": random_bases(2_000_000, seed=4) + demo["demo2"]}, packing="gzip")
    uneven = demo["demo1"] + random_bases(3_900_000, seed=1)
    (folder / "large.fa").write_text(f">chr1\n{uneven[:2_500_001]}\n{uneven[2_500_001:]}\n>chr2\n{demo['demo2']}\n")
    settings = json.loads((folder / "config" / "config.yaml").read_text())
    settings["scan"] |= {"model": str(model), "shard_bases": 3_000_000}
    (folder / "config" / "config.yaml").write_text(json.dumps(settings))
    return model


def single_scan(folder: Path, genome: str, model: Path = TINY) -> bytes:
    target = folder / "single.bed"
    command = [sys.executable, "-m", "promscan", "scan", genome, "-o", str(target), "--model", str(model)]
    subprocess.run([*command, "--strength", "none", "--threads", "1", "--quiet"], cwd=folder, check=True)
    return target.read_bytes()


def test_a_dry_run_says_what_it_will_cost(project):
    run = snakemake(project, "--cores", "1", "--dry-run")
    assert run.returncode == 0, run.stderr
    assert "3 genomes to scan" in run.stdout + run.stderr
    assert "in 4 shards" in run.stdout + run.stderr
    bases = sum((project / name).stat().st_size for name in ("small.fa", "large.fa"))
    bases += int(3.5 * (project / "packed.fa.gz").stat().st_size)
    assert f"about {bases / 1_000_000:.2f} core-hours, at the speed" in run.stdout + run.stderr


def test_a_python_without_promscan_is_named_before_any_job(project):
    """Else the tables of MultiQC fail after the last scan."""
    without = "import sys; sys.modules['promscan'] = None; from snakemake.cli import main; main()"
    run = snakemake(project, "--cores", "1", "--dry-run", program=("-c", without))
    assert run.returncode == 0, run.stderr
    assert f"promscan is not installed in {sys.executable}" in run.stdout + run.stderr
    run = snakemake(project, "--cores", "1", "--dry-run")
    assert "promscan is not installed" not in run.stdout + run.stderr


def test_scripts_run_in_the_python_of_snakemake(project):
    """The first Python on the PATH may be another one, without promscan."""
    (project / "bin").mkdir()
    (project / "bin" / "python").write_text("#!/bin/sh\nexit 9\n")
    (project / "bin" / "python").chmod(0o755)
    run = snakemake(project, "--cores", "1", "results/genomes/large.fa.fai")
    assert run.returncode == 0, run.stderr
    assert (project / "results/genomes/large.fa.fai").stat().st_size


def test_lint_finds_nothing(project):
    run = snakemake(project, "--lint")
    assert run.returncode == 0, run.stdout + run.stderr


def test_thousands_of_genomes_need_no_reports(project):
    settings = json.loads((project / "config" / "config.yaml").read_text())
    settings["report"]["wanted"] = False
    (project / "config" / "config.yaml").write_text(json.dumps(settings))
    run = snakemake(project, "--cores", "1", "--dry-run")
    assert run.returncode == 0, run.stderr
    assert "rule report:" not in run.stdout + run.stderr


@pytest.mark.parametrize("packing", ["plain", "bgzip"])
def test_a_genome_with_an_index_is_scanned_as_it_is(project, packing):
    """Packing and indexing is done by one job, for which all others would wait."""
    name = {"plain": "indexed.fa", "bgzip": "indexed.fa.gz"}[packing]
    genome = write_fasta(
        project / name, {"chr1": demo_contigs()["demo1"], "chr2": random_bases(80_000, 2)}, packing=packing
    )
    pysam.faidx(str(genome))
    (project / "samples.tsv").write_text(f"sample\tgenome\nindexed\t{genome}\n")
    run = snakemake(project, "--cores", "1", "results/hits/indexed.bed.gz")
    assert run.returncode == 0, run.stderr
    assert "in 2 shards" in run.stdout + run.stderr
    assert "rule scan_shard:" in run.stdout + run.stderr
    assert "rule index_genome:" not in run.stdout + run.stderr
    assert gzip.decompress((project / "results/hits/indexed.bed.gz").read_bytes()) == single_scan(project, name)
    assert genome.exists()


def test_an_index_older_than_its_genome_is_made_anew(project):
    genome = write_fasta(project / "indexed.fa", {"chr1": random_bases(130_000, 2)})
    pysam.faidx(str(genome))
    os.utime(genome, (2e9, 2e9))
    (project / "samples.tsv").write_text(f"sample\tgenome\nindexed\t{genome}\n")
    run = snakemake(project, "--cores", "1", "--dry-run")
    assert run.returncode == 0, run.stderr
    assert "rule index_genome:" in run.stdout + run.stderr


def test_the_cost_of_a_genome_is_that_of_its_model(project):
    settings = json.loads((project / "config" / "config.yaml").read_text())
    settings["cost"]["bases_per_core_hour"] = {"human": 1000, "other": 50_000}
    (project / "config" / "config.yaml").write_text(json.dumps(settings))
    rows = "slow\tsmall.fa\thuman\t2000\nfast\tsmall.fa\tyeast\t50000\n"
    (project / "samples.tsv").write_text(f"sample\tgenome\tmodel\tbases\n{rows}")
    run = snakemake(project, "--cores", "1", "--dry-run")
    assert run.returncode == 0, run.stderr
    assert "about 3.00 core-hours" in run.stdout + run.stderr


def test_a_genome_that_is_missing_is_named_before_any_job(project):
    (project / "samples.tsv").write_text("sample\tgenome\nyeast\tnone.fa\n")
    run = snakemake(project, "--cores", "1", "--dry-run")
    assert run.returncode != 0
    assert "samples.tsv: sample yeast: there is no file none.fa; check `genome`" in run.stdout + run.stderr


@pytest.mark.parametrize(
    ("sheet", "index", "message"),
    [
        ("sample\tgenome\ngood\tsmall.fa\t\t\nbad\tsmall.fa\thuman\n", "", "line 3: more cells than columns"),
        ("sample\tgenome\nB\xe9b\xe9\tsmall.fa\n", "", "samples.tsv: not a table in UTF-8; save it as text"),
        ("sample\tgenome\nyeast\tsmall.fa\n", "chr1 50000\n", "small.fa.fai: this is no index; rebuild it"),
        ("sample\tgenome\r\nyeast\tsmall.fa\r\n\t\r\n", "", "1 genomes to scan"),
    ],
    ids=["a cell too many", "another encoding", "no index", "an empty row"],
)
def test_odd_sheets_and_indexes_are_named_before_any_job(project, sheet, index, message):
    (project / "samples.tsv").write_bytes(sheet.encode("latin-1"))
    if index:
        (project / "small.fa.fai").write_text(index)
    run = snakemake(project, "--cores", "1", "--dry-run")
    assert (run.returncode == 0) == message.endswith("to scan")
    assert message in run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr


def test_a_sample_cannot_leave_the_folder_of_results(project):
    (project / "samples.tsv").write_text("sample\tgenome\n../yeast\tsmall.fa\n")
    run = snakemake(project, "--cores", "1", "--dry-run")
    assert run.returncode != 0
    assert "../yeast" in run.stdout + run.stderr


@pytest.mark.timeout(1800)
def test_hits_have_the_bytes_of_single_scans_though_one_job_was_killed(project):
    pytest.importorskip("multiqc")
    model, mark = grow(project), project / "killed"
    (project / "bin").mkdir()
    program = project / "bin" / "promscan"
    program.write_text(KILLED_ONCE.format(python=sys.executable, mark=str(mark)))
    program.chmod(0o755)
    run = snakemake(project, "--cores", "2")
    assert run.returncode == 0, run.stderr
    assert mark.exists()
    results = project / "results"
    for sample, genome in (("small", "small.fa"), ("packed", "packed.fa.gz"), ("large", "large.fa")):
        hits = gzip.decompress((results / "hits" / f"{sample}.bed.gz").read_bytes())
        assert hits.count(b"\n") > 100
        assert hits == single_scan(project, genome, model)
        assert pysam.TabixFile(str(results / "hits" / f"{sample}.bed.gz")).contigs
    assert (results / "annotated" / "large.tsv").stat().st_size
    assert json.loads((results / "evaluation" / "large.json").read_text())["tss"] == 20
    genomes = json.loads((results / "multiqc" / "tables" / "promscan_genomes_mqc.json").read_text())["data"]
    assert set(genomes) == {"small", "packed", "large"}
    parts = [json.loads(path.read_text()) for path in (results / "summaries" / "large").glob("*.json")]
    assert genomes["large"]["hits"] == sum(part["hits"] for part in parts if "hits" in part)
    assert (results / "summaries" / "small.contigs.tsv").read_text().startswith("contig\tbases\t")
    reports = {path.stem: path.read_text() for path in (results / "reports").glob("*.html")}
    assert set(reports) == {"small", "packed", "large"}
    assert "gene1" in reports["large"]
    assert "promscan: recall" in (results / "multiqc" / "promscan.html").read_text()
    assert not list(results.rglob("*.resume"))
