"""The command line keeps its word: one line for each failure, the right exit status, and nothing half-written."""

from __future__ import annotations

import errno
import gzip
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from genomes import TINY, demo_contigs, write_fasta

import promscan
from promscan.cli import cli
from promscan.inference.windowed import WindowedEngine

BASES = demo_contigs()["demo2"][3_400:3_900]


def damaged(raw: bytes) -> bytes:
    return raw[:-1] + bytes([raw[-1] ^ 1])


def write_inputs(folder: Path) -> None:
    """A sound genome, and everything that can be wrong with an input."""
    write_fasta(folder / "good.fa", {"chr1": BASES, "chr2": BASES[::-1]})
    packed = gzip.compress((folder / "good.fa").read_bytes())
    texts = {
        "empty.fa": "",
        "protein.fa": ">chr1\nACGT\n>P53_HUMAN\nMEEPQSDPSVEPPLSQETFSDLWKLLPENNVLSPLPSQAMDDLMLSPDDIEQWFTEDPGP\n",
        "plain.txt": "what is this?\n",
        "twice.fa": f">chr1\n{BASES}\n>chr1 again\n{BASES}\n",
        "nameless.fa": f">\n{BASES}\n",
        "unknown.bed": "chrX\t5\t10\nchrY\t1\t50\n",
        "bad.bed": "chr1\t1\t50\nchr1\tfive\t10\n",
        "backwards.bed": "chr1\t50\t1\n",
        "far.bed": "chr1\t1\t501\n",
        "empty.bed": "# nothing\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    (folder / "cut.fa.gz").write_bytes(packed[: len(packed) // 2])
    (folder / "damaged.fa.gz").write_bytes(damaged(packed))
    (folder / "folder.fa").mkdir()
    for name in ("damaged", "lonely"):
        shutil.copy(TINY, folder / f"{name}.safetensors")
    shutil.copy(TINY.with_suffix(".json"), folder / "damaged.json")
    (folder / "damaged.safetensors").write_bytes(damaged(TINY.read_bytes()))


@pytest.fixture
def inputs(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    write_inputs(folder)
    return folder


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def scan(promscan_cli, inputs, out):
    """Run `promscan scan` in the folder of inputs, quietly but for `--loud`; {out} and {tiny} in it are filled in."""

    def run(line: str):
        arguments = line.split()
        arguments += [] if "--model" in arguments else ["--model", "{tiny}"]
        arguments += [] if "-o" in arguments else ["-o", "{out}/hits.bed"]
        quiet = [] if "--loud" in arguments else ["--quiet"]
        words = [word.format(out=out, tiny=TINY) for word in arguments if word != "--loud"]
        return promscan_cli("scan", *quiet, "--strength", "none", *words)

    return run


LACKS = [
    MemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried ..."),
    RuntimeError("can't start new thread"),
    ImportError("libtorch_cpu.so: failed to map segment from shared object"),
    ImportError("libgomp.so: cannot open shared object file: Cannot allocate memory"),
]


@pytest.mark.parametrize("error", LACKS)
@pytest.mark.parametrize("command", ["score", "explain"])
def test_too_little_memory_is_one_line_in_every_command(promscan_cli, inputs, out, monkeypatch, command, error):
    def fail(*_):
        raise error

    monkeypatch.setattr("promscan.networks.weights.safetensors.torch.load", fail)
    table = inputs / "windows.csv"
    table.write_text(f"sequence\n{BASES[:70]}\n")
    outcome = promscan_cli(command, table, "--model", TINY, "-o", out / "x.tsv")
    assert outcome.status == 1
    assert outcome.err.splitlines() == [
        "promscan: error: the memory of this machine is too small; use fewer --threads, or a machine with more"
    ]
    assert list(out.iterdir()) == []


# Failures: what, where and the cure in one line

FAILURES = {
    "missing.fa": "missing.fa: No such file or directory; give a FASTA file",
    "empty.fa": "empty.fa: there is no sequence in it; give a FASTA file",
    "protein.fa": "protein.fa, line 4: 'E' in contig 'P53_HUMAN' is not a nucleotide letter; give DNA",
    "plain.txt": "plain.txt, line 1: expected '>' and found 'w'; give FASTA",
    "twice.fa": "twice.fa, line 3: contig 'chr1' was already on line 1; rename one",
    "nameless.fa": "nameless.fa, line 1: a header without a name; give each sequence a name",
    "cut.fa.gz": "cut.fa.gz: the compressed data ends too early; copy or download it again",
    "damaged.fa.gz": "damaged.fa.gz: the compressed data is damaged (.*); copy or download it again",
    "folder.fa": r"folder.fa: no file in it ends in \.fa, .*; name the files",
    "good.fa --bed unknown.bed": "unknown.bed: the genome has no contig 'chrX' .*; use the genome's names",
    "good.fa --exclude unknown.bed": "unknown.bed: the genome has no contig 'chrX' .*; use the genome's names",
    "good.fa --bed bad.bed": "bad.bed, line 2: not a BED interval; write contig, start and end",
    "good.fa --exclude bad.bed": "bad.bed, line 2: not a BED interval; write contig, start and end",
    "good.fa --bed backwards.bed": "backwards.bed, line 1: the interval ends at 1, before its start .*; correct it",
    "good.fa --bed far.bed": "far.bed: interval chr1:1-501 reaches past the end of the contig at 500",
    "good.fa --bed empty.bed": "empty.bed: there is no interval .*; give a BED file",
    "good.fa --bed missing.bed": "missing.bed: No such file or directory; give a BED file",
    "good.fa --region chr1:1-501": "region 'chr1:1-501': chr1 ends at 500; choose positions up to there",
    "good.fa --region chr1:501": "region 'chr1:501': chr1 ends at 500; choose positions up to there",
    "good.fa --region chrX:1-5": "region 'chrX:1-5': there is no contig 'chrX' .*; check the name",
    "good.fa --region chr1:0-5": "region 'chr1:0-5': positions count from 1 .*; correct it",
    "good.fa --region chr1:a-b": "region 'chr1:a-b': 'a-b' are no positions; write",
    "- --region chr1": "standard input: regions, shards, .* need the contig lengths .*; save the sequences",
    "- --shard 1/2": "standard input: regions, shards, .* need the contig lengths .*; save the sequences",
    "good.fa --model nosuch": "no model 'nosuch': give a weights file .* or a bundled name",
    "good.fa --model damaged.safetensors": "damaged.safetensors: sha256 differs .*: the file is damaged",
    "good.fa --model lonely.safetensors": "lonely.safetensors: cannot read its card .*: No such file .*; keep the two",
    "good.fa --fp-per-mb 10": "model tiny is not calibrated to false positives per Mb: use --threshold",
    "good.fa --threshold 0": "threshold 0.0 is not a probability between 0 and 1",
    "good.fa --threshold 1": "threshold 1.0 is not a probability between 0 and 1",
    "good.fa --threshold nan": "threshold nan is not a probability between 0 and 1",
    "good.fa -o {out}/hits.txt": "out/hits.txt: no format has this suffix; end it in .bed",
    "good.fa -o {out}/no/hits.bed": "out/no/hits.bed: cannot be written: No such file or directory; choose",
    "- -o {out}": "out: is a folder, and standard input has no name for a file in it; name a file",
    "good.fa good.fa -o {out}": "good.fa and good.fa would both be written to .*/out/good.bed; rename one",
    "good.fa --summary {out}/no/s.json": "out/no/s.json: cannot be written: No such file or directory; choose",
    "good.fa --device gpu": "unknown device 'gpu': use auto, cpu, cuda",
    "good.fa --device meta": "unknown device 'meta': use auto, cpu, cuda",
    "good.fa --device cuda:99": "device cuda:99: this machine has [0-9]+ CUDA devices?; use --device auto or cpu",
}


@pytest.mark.parametrize("line", FAILURES)
def test_a_failure_is_one_line_and_leaves_nothing(scan, inputs, out, monkeypatch, line):
    monkeypatch.chdir(inputs)
    outcome = scan(line)
    assert outcome.status == 1
    assert re.fullmatch(f"promscan: error: .*{FAILURES[line]}.*\n", outcome.err)
    assert outcome.out == ""
    assert list(out.iterdir()) == []
    if "--summary" not in line:
        assert scan(f"{line} --summary {{out}}/s.json").err == outcome.err
        assert list(out.iterdir()) == []


ONTO_AN_INPUT = {
    "scan good.fa -o good.fa --format bed": "good.fa",
    "scan good.fa -o far.bed --exclude far.bed": "far.bed",
    "scan good.fa -o hits.bed --summary good.fa": "good.fa",
    "scan good.fa -o good.bed --summary good.bed": "good.bed",
    "scan good.fa -o damaged.safetensors --format bed --model damaged.safetensors": "damaged.safetensors",
    "scan good.fa -o - --format bed --summary -": "-",
    "scan good.fa -o good.bed --summary lonely.json --model lonely.safetensors": "lonely.json",
    "scan good.fa -o lonely.safetensors --format bed --model lonely.json": "lonely.safetensors",
    "scan good.fa -o good.bed --summary lonely.json --strength lonely.safetensors": "lonely.json",
    "score good.fa -o lonely.json --model lonely.safetensors": "lonely.json",
    "score good.fa -o good.fa": "good.fa",
    "design --strength 1 --start good.fa -o good.fa": "good.fa",
    "design --strength 1 -o new.tsv --table new.tsv": "new.tsv",
    "merge far.bed -o far.bed": "far.bed",
    "calibrate damaged.safetensors --genome good.fa --exclude far.bed -o damaged.safetensors": "damaged.safetensors",
    "evaluate far.bed --tss bad.bed --genome good.fa -o bad.bed": "bad.bed",
    "evaluate far.bed --tss bad.bed --genome good.fa -o - --json -": "-",
    "evaluate far.bed --tss bad.bed --genome good.fa -o new.tsv --json good.fa": "good.fa",
}


@pytest.mark.parametrize("line", ONTO_AN_INPUT)
def test_no_command_writes_onto_what_it_reads_or_twice_onto_one_file(promscan_cli, inputs, monkeypatch, line):
    monkeypatch.chdir(inputs)
    before = {path.name: path.read_bytes() for path in inputs.iterdir() if path.is_file()}
    outcome = promscan_cli(*line.split())
    assert outcome.status == 1
    told = r"is (read by this command|named for two outputs); name another file to write to"
    assert re.fullmatch(f"promscan: error: {re.escape(ONTO_AN_INPUT[line])}: {told}\n", outcome.err)
    assert {path.name: path.read_bytes() for path in inputs.iterdir() if path.is_file()} == before


@pytest.mark.parametrize(
    "line",
    [
        "score good.fa -o no/x.tsv",
        "design --strength 1 -o no/x.fa",
        "calibrate human --genome good.fa --exclude far.bed -o no/x.safetensors",
        "evaluate far.bed --tss bad.bed --genome good.fa --plot no/x.png",
        "evaluate far.bed --tss bad.bed --genome good.fa --json no/x.json",
    ],
)
def test_a_place_that_cannot_be_written_is_found_out_before_the_work(promscan_cli, inputs, monkeypatch, line):
    """As what else is wrong with these lines is not even looked at."""
    monkeypatch.chdir(inputs)
    outcome = promscan_cli(*line.split())
    assert outcome.status == 1
    place = line.split()[-1]
    assert (
        outcome.err == f"promscan: error: {place}: cannot be written: No such file or directory; choose another place\n"
    )


def test_a_calibrated_model_needs_a_name_by_which_it_is_found(promscan_cli, inputs, out):
    outcome = promscan_cli(
        "calibrate", TINY, "--genome", inputs / "good.fa", "--exclude", inputs / "x", "-o", out / "x"
    )
    assert outcome.status == 1
    assert outcome.err.endswith("out/x: no model would be found there; end it in .safetensors\n")


def test_an_earlier_result_survives_a_failure(scan, inputs, out, monkeypatch):
    monkeypatch.chdir(inputs)
    (out / "hits.bed").write_text("precious\n")
    assert scan("protein.fa").status == 1
    assert [path.read_text() for path in out.iterdir()] == ["precious\n"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("options", ["--format bed -o /dev/full", "--summary /dev/full"])
def test_a_full_disk_is_one_line(scan, inputs, monkeypatch, options):
    monkeypatch.chdir(inputs)
    outcome = scan(f"good.fa {options}")
    assert outcome.status == 1
    assert re.fullmatch(
        "promscan: error: /dev/full: cannot be written: No space left on device; check .*\n", outcome.err
    )


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (OSError(errno.EMFILE, "Too many open files", "x"), "Too many open files: 'x'; raise the limit .* -n[)]"),
        (FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"), "; let TMPDIR name .*"),
    ],
)
def test_a_limit_of_the_system_is_named_with_its_cure(scan, inputs, out, monkeypatch, error, end):
    def refused(*_):
        raise error

    monkeypatch.chdir(inputs)
    monkeypatch.setattr(WindowedEngine, "score", refused)
    outcome = scan("good.fa -o {out}/hits.bed")
    assert outcome.status == 1
    assert re.fullmatch(f"promscan: error: .*{end}\n", outcome.err)
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("option", ["--model", "--strength", "--bed", "--region"])
def test_a_value_of_thousands_of_letters_is_not_repeated_whole(scan, inputs, out, monkeypatch, option):
    monkeypatch.chdir(inputs)
    outcome = scan(f"good.fa -o {{out}}/hits.bed {option} {'9' * 5000}")
    assert outcome.status == 1
    assert outcome.err.startswith("promscan: error: ")
    assert len(outcome.err) < 1200
    assert outcome.err.count("\n") == 1


def test_a_target_that_cannot_be_written_fails_before_the_scan(scan, inputs, out, monkeypatch):
    monkeypatch.chdir(inputs)
    monkeypatch.setattr(WindowedEngine, "score", lambda *_: pytest.fail("the scan began"))
    assert scan("good.fa -o {out}/no/hits.bed").status == 1
    assert scan("good.fa --summary {out}/no/summary.json").status == 1


# Interruption


def interrupt(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("suffix", [".bed", ".gff3.gz"])
def test_ctrl_c_leaves_nothing(scan, inputs, out, monkeypatch, suffix):
    monkeypatch.chdir(inputs)
    monkeypatch.setattr(WindowedEngine, "score", interrupt)
    outcome = scan(f"good.fa -o {{out}}/hits{suffix} --summary {{out}}/summary.json")
    assert (outcome.status, outcome.out, outcome.err.strip()) == (130, "", "promscan: interrupted")
    assert list(out.iterdir()) == []


def test_a_bug_keeps_its_traceback(scan, inputs, out, monkeypatch):
    monkeypatch.chdir(inputs)
    monkeypatch.setattr(WindowedEngine, "score", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        promscan.cli.main(["scan", "good.fa", "--model", str(TINY), "-o", str(out / "hits.bed")])
    assert list(out.iterdir()) == []


# Wrong usage


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("scan good.fa -o x.bed --threshold 0.5 --fp-per-mb 10", "--threshold and --fp-per-mb .*: give one"),
        ("scan good.fa -o x.bed --nosuch", "No such option.*--nosuch"),
        ("scan good.fa -o x.bed --stride 0", "--stride.*0 is not in the range"),
        ("scan good.fa -o x.bed --min-distance 0", "--min-distance.*0 is not in the range"),
        ("scan good.fa -o x.bed --threads 0", "--threads.*0 is not in the range"),
        ("scan good.fa -o x.bed --batch-size 0", "--batch-size.*0 is not in the range"),
        ("scan good.fa -o x.bed --strand reverse", "--strand.*'reverse'"),
        ("scan good.fa -o x.bed --shard 0/3", "--shard.*'0/3' is not I/N"),
        ("scan good.fa -o x.bed --shard 4/3", "--shard.*'4/3' is not I/N"),
        ("scan good.fa -o x.bed --shard x", "--shard.*'x' is not I/N"),
        ("scan good.fa -o x.bed --format vcf", "--format.*'vcf'"),
        ("scan good.fa -o x.bed --precision half", "--precision.*'half'"),
        ("scan good.fa -o x.bed --threshold high", "--threshold.*'high' is not a valid float"),
        ("calibrate m --genome good.fa --exclude x.bed -o o --smoothing 100", "--smoothing.*100 is even"),
        ("train windows t.csv --dev d.csv -o run --learning-rate 0", "--learning-rate.*0.0 is not in the range"),
        ("train windows t.csv --dev d.csv -o run --weight-decay -1", "--weight-decay.*-1.0 is not in the range"),
        ("train strength t.tsv -o run --learning-rate nan", "--learning-rate.*nan is not a finite number"),
        ("train strength t.tsv -o run --share x=nan", "--share.*shares must be finite"),
        ("scan good.fa", "Missing option '-o'"),
        ("scan -o x.bed", r"Missing argument 'GENOME\.\.\.'"),
        ("score", "Missing argument 'SEQS'"),
        ("nosuch", "No such command 'nosuch'"),
    ],
)
def test_wrong_usage_exits_with_2(promscan_cli, inputs, monkeypatch, line, complaint):
    monkeypatch.chdir(inputs)
    before = sorted(inputs.iterdir())
    outcome = promscan_cli(*line.split())
    assert outcome.status == 2
    assert re.search(complaint, outcome.err)
    assert outcome.err.startswith("Usage: promscan")
    assert sorted(inputs.iterdir()) == before


@pytest.mark.parametrize("option", ["--strand", "--format", "--gap\n", "--threads"])
def test_wrong_usage_repeats_no_thousands_of_letters_and_no_newline(promscan_cli, option):
    outcome = promscan_cli("scan", "x.fa", "-o", "x.bed", f"{option}={'9' * 5000}\nx")
    assert outcome.status == 2
    message = outcome.err.splitlines()[3:]
    assert len(message) == 1
    assert message[0].startswith("Error: ")
    assert len(message[0]) < 1200


def numbers(group: click.Group) -> Iterator[click.Option]:
    """The options of all commands that take a number with decimals."""
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from numbers(command)
        for option in command.params:
            if isinstance(option, click.Option) and isinstance(option.type, click.types.FloatParamType):
                yield option


JUDGED_WITH_THE_MODEL = ("threshold", "fp_per_mb")
"""Options of a scan that its model refuses, as `FAILURES` has it."""


@pytest.mark.parametrize(
    "option", [each for each in numbers(cli) if each.name not in JUDGED_WITH_THE_MODEL], ids=lambda each: each.opts[0]
)
def test_no_option_takes_what_is_not_a_number(option):
    for text in ("nan", "inf", "-inf"):
        with pytest.raises(click.BadParameter):
            option.type.convert(text, option, None)


# Input as it comes


def test_short_contigs_are_skipped_with_one_warning(scan, inputs, out, monkeypatch):
    monkeypatch.chdir(inputs)
    contigs = {f"tiny{number}": BASES[:69] for number in range(7)}
    write_fasta(inputs / "short.fa", {**contigs, "long": "ACGT" * 20})
    outcome = scan("--loud short.fa --threshold 0.9999")
    assert outcome.status == 0
    warning = "warning: skipped contigs shorter than 70 bp: 7 (tiny0, tiny1, tiny2, tiny3, tiny4, ...)"
    assert outcome.err.splitlines()[0] == warning
    assert outcome.err.count("warning") == 1
    assert len((out / "hits.bed").read_text().splitlines()) == 2
    assert scan("short.fa --threshold 0.9999").err == ""


@pytest.mark.parametrize(
    "text",
    [
        ">chr1 and more words\r\n" + BASES[:200] + "\r\n" + BASES[200:] + "\r\n",
        "\n>chr1\tand more\n\n" + BASES[:200] + "\n\n \n" + BASES[200:],
        ">chr1\n" + "\n".join(BASES) + "\n",
        ">chr1\n" + BASES.lower(),
    ],
    ids=["CRLF", "blank lines and no last newline", "one base a line", "lower case"],
)
def test_layout_of_the_genome_does_not_matter(scan, inputs, out, monkeypatch, text):
    monkeypatch.chdir(inputs)
    results = []
    for content in (f">chr1\n{BASES}\n", text):
        (inputs / "genome.fa").write_bytes(content.encode())
        assert scan("genome.fa --threshold 0.5 --min-distance 50").status == 0
        results.append((out / "hits.bed").read_text())
    assert results[0] == results[1]
    assert len(results[0].splitlines()) > 2


# Help


def every_command(group=cli, path=()):
    yield path, group
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = {" ".join(path): command for path, command in every_command()}


@pytest.mark.parametrize("name", COMMANDS)
def test_help_describes_every_option(promscan_cli, name):
    outcome = promscan_cli(*name.split(), "--help")
    assert (outcome.status, outcome.err) == (0, "")
    assert COMMANDS[name].help.splitlines()[0][:40] in outcome.out
    options = [parameter for parameter in COMMANDS[name].params if isinstance(parameter, click.Option)]
    assert all(option.help for option in options)
    assert all(flag in outcome.out for option in options for flag in option.opts)


def test_the_list_of_trainings_shows_whole_sentences(promscan_cli) -> None:
    lines = promscan_cli("train", "--help").out.partition("Commands:\n")[2].splitlines()
    assert len(lines) == 4
    assert [line for line in lines if not line.endswith(".") or line.endswith("...")] == []


@pytest.mark.parametrize("name", ["train genome", "evaluate", "report", "calibrate"])
def test_help_has_one_word_for_a_tss(promscan_cli, name: str) -> None:
    text = " ".join(promscan_cli(*name.split(), "--help").out.split())
    assert re.findall(r"transcription starts|[^.]* starts [^.]*", text) == []


def test_scan_has_the_promised_options(promscan_cli):
    promised = """--output --model --fp-per-mb --threshold --min-distance --strand --stride --skip-masked --region --bed
    --exclude --shard --format --device --batch-size --threads --precision --resume --summary --quiet"""
    assert set(promised.split()) <= set(re.findall(r"--[a-z-]+", promscan_cli("scan", "--help").out))


def test_version_and_models(promscan_cli):
    assert promscan_cli("--version").out == f"promscan {promscan.__version__}\n"
    listing = promscan_cli("models")
    assert (listing.status, listing.err) == (0, "")
    header, *rows = [line.split("\t") for line in listing.out.splitlines()]
    assert header[0] == "name"
    assert all(len(row) == len(header) for row in rows)
    assert header[5:] == ["size", "licence", "metrics", "sha256"]
    assert all(re.fullmatch("[0-9a-f]{8}", row[-1]) for row in rows)


def test_models_as_json_have_all_fields(promscan_cli):
    listing = promscan_cli("models", "--json")
    assert (listing.status, listing.err) == (0, "")
    cards = {card["name"]: card for card in json.loads(listing.out)}
    assert set(cards) == {row.split("\t")[0] for row in promscan_cli("models").out.splitlines()[1:]}
    assert cards["human"]["calibration"]["hits"][0] == 1
    assert cards["human"]["scale"]["clearance"] == 1000
    assert all(len(card["sha256"]) == 64 and card["bytes"] > 0 for card in cards.values())
