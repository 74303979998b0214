"""The command line as a process of its own: pipes, signals, and how little it loads."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import numpy as np
import pytest
from genomes import DEMO, EVERY_WINDOW, TINY, TINY_STRENGTH, demo_contigs, scan_to_bed, write_fasta

ROOT = Path(__file__).parent.parent
PROMSCAN = [sys.executable, "-m", "promscan"]
OPTIONS = ["--model", str(TINY), "--device", "cpu", "--quiet"]
CONTIGS = {"demo2": demo_contigs()["demo2"][3_400:4_600]}


@pytest.fixture
def start(monkeypatch):
    """Start a process; one that still runs at the end of the test is killed."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # what is held back until the exit is part of the test
    # Under nohup the tests ignore SIGHUP, and so would what they start; what they handle is not handed on.
    before = signal.signal(signal.SIGHUP, lambda *_: None)
    started = []

    def run(command, **options):
        process = subprocess.Popen(command, stderr=subprocess.PIPE, **options)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()
    signal.signal(signal.SIGHUP, before)


def wait_for(condition, process):
    until = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, f"the process ended: {process.stderr.read()}"
        assert time.monotonic() < until, "waited for too long"
        time.sleep(0.02)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_standard_input_gives_the_bytes_of_the_file(start, tmp_path, pack):
    path = write_fasta(tmp_path / "genome.fa", CONTIGS)
    process = start(
        [*PROMSCAN, "scan", "-", "-o", "-", "--strength", "none", *OPTIONS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    out, err = process.communicate(pack(path.read_bytes()))
    assert (process.returncode, err) == (0, b"")
    assert out == scan_to_bed(path)
    assert len(out.splitlines()) > 2


def test_a_reader_that_leaves_is_no_error(start, tmp_path):
    """`promscan scan ... -o - | head -n 1`, with more output than a pipe holds."""
    path = write_fasta(tmp_path / "genome.fa", CONTIGS)
    every = ["--threshold", "1e-30", "--min-distance", "1"]
    process = start(
        [*PROMSCAN, "scan", str(path), "-o", "-", "--strength", "none", *every, *OPTIONS], stdout=subprocess.PIPE
    )
    head = start(["head", "-n", "1"], stdin=process.stdout, stdout=subprocess.PIPE)
    process.stdout.close()
    assert head.communicate()[0].startswith(b"#promscan ")
    assert process.stderr.read() == b""
    assert process.wait() == 1
    assert len(scan_to_bed(path, **EVERY_WINDOW)) > 2**16  # what a pipe holds


@pytest.mark.parametrize(
    "line",
    [
        "scan one.fa -o - --strength none",
        "scan one.fa -o x.bed --summary - --strength none",
        "score one.fa",
        "models",
        "--version",
    ],
)
@pytest.mark.parametrize(
    ("redirection", "reason"),
    [(">&-", "it is closed; open it, or send it to a file"), (">/dev/full", "No space left on device; check .*")],
)
def test_a_standard_output_that_takes_nothing_is_one_line(start, tmp_path, line, redirection, reason):
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    write_fasta(tmp_path / "one.fa", {"one": CONTIGS["demo2"][:70]})
    command = [*PROMSCAN, *line.split(), *(OPTIONS if "one.fa" in line else [])]
    process = start(["sh", "-c", f'exec "$@" {redirection}', "sh", *command], cwd=tmp_path)
    error = process.stderr.read().decode()
    assert re.fullmatch(f"promscan: error: standard output: cannot be written: {reason}\n", error)
    assert process.wait() == 1


@pytest.mark.slow
def test_few_open_files_are_enough(start, tmp_path):
    """Libraries, a model, the genome and all outputs together."""
    path = write_fasta(tmp_path / "genome.fa", CONTIGS)
    outputs = ["-o", tmp_path / "x.bed.gz", "--track", tmp_path / "x", "--summary", tmp_path / "x.json"]
    command = [*PROMSCAN, "scan", path, *outputs, "--strength", str(TINY_STRENGTH), *OPTIONS]
    process = start(["bash", "-c", 'ulimit -n 16; exec "$@"', "", *command])
    assert (process.communicate(timeout=120)[1], process.returncode) == (b"", 0)
    assert len(list(tmp_path.glob("x*"))) >= 5


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGHUP])
def test_a_cluster_or_terminal_that_stops_the_job_leaves_nothing(start, tmp_path, stop):
    out = tmp_path / "out"
    out.mkdir()
    process = start(
        [*PROMSCAN, "scan", str(DEMO), "-o", str(out / "hits.bed.gz"), "--threads", "1", "--strength", "none", *OPTIONS]
    )
    wait_for(lambda: os.listdir(out), process)
    time.sleep(0.3)
    process.send_signal(stop)
    assert process.stderr.read().strip() == b"promscan: interrupted"
    assert process.wait() == 130
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("entry", [["-m", "promscan"], ["-c", "from promscan.__main__ import main; main()"]])
def test_ctrl_c_while_the_program_is_loaded_is_one_line(start, tmp_path, monkeypatch, entry):
    """Also what OpenBLAS sends its process where it may start no threads."""
    (tmp_path / "numpy.py").write_text(
        "import os, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell in the background ignores it
        "os.kill(os.getpid(), signal.SIGINT)\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ROOT}")
    process = start([sys.executable, *entry, "models"], stdout=subprocess.PIPE)
    assert process.communicate() == (b"", b"\npromscan: interrupted\n")
    assert process.returncode == 130


def unread_bytes(pipe) -> int:
    """The bytes in a pipe that its reader has not taken."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def test_a_job_that_waits_for_a_silent_pipe_can_be_stopped(start, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    process = start(
        [*PROMSCAN, "scan", "-", "-o", str(out / "hits.bed"), "--strength", "none", *OPTIONS], stdin=subprocess.PIPE
    )
    process.stdin.write(b">chr1\nACGT\n")
    process.stdin.flush()
    wait_for(lambda: unread_bytes(process.stdin) == 0, process)
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 130
    assert process.stderr.read().strip() == b"promscan: interrupted"
    assert list(out.iterdir()) == []


def test_a_job_under_nohup_outlives_its_terminal(start, tmp_path):
    hits = tmp_path / "hits.bed"
    command = [*PROMSCAN, "scan", str(DEMO), "-o", str(hits), "--strength", "none", *OPTIONS]
    process = start(["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *command])
    wait_for(lambda: any(file.name.startswith(".hits") for file in tmp_path.iterdir()), process)
    process.send_signal(signal.SIGHUP)
    assert process.wait() == 0
    assert hits.is_file()


def test_help_and_models_load_no_heavy_library(start):
    commands = [["--help"], ["scan", "--help"], ["train", "windows", "--help"], ["models"], ["--version"]]
    script = f"""
import contextlib, sys
from promscan.cli import main
for arguments in {commands}:
    with contextlib.suppress(SystemExit):
        main(arguments)
    heavy = {{"torch", "matplotlib", "pysam", "pybedtools", "tqdm"}} & sys.modules.keys()
    assert not heavy, (arguments, heavy)
"""
    process = start([sys.executable, "-c", script], stdout=subprocess.PIPE)
    out, err = process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert out.startswith(b"Usage: promscan [OPTIONS] COMMAND")


@pytest.mark.parametrize(
    "call",
    [
        "scan(sys.argv[1], model='human')",
        f"score([{CONTIGS['demo2'][:80]!r}], model={str(TINY_STRENGTH)!r})",  # a GRU, unlike the bundled one
    ],
    ids=["scan", "score"],
)
def test_a_call_loads_no_compiler(start, tmp_path, call):
    """Loading the compiler of torch, or its algebra, takes longer than a scan of a short contig."""
    genome = write_fasta(tmp_path / "genome.fa", {"chr1": CONTIGS["demo2"][:70]})
    code = (
        f"import sys, promscan; list(promscan.{call});"
        "print([name for name in ('torch._dynamo', 'torch._inductor', 'sympy', 'matplotlib') if name in sys.modules])"
    )
    process = start([sys.executable, "-c", code, str(genome)], stdout=subprocess.PIPE)
    assert process.communicate()[0] == b"[]\n"


def test_closed_standard_error_costs_no_hits(start, tmp_path):
    path = write_fasta(tmp_path / "genome.fa", CONTIGS)
    command = [*PROMSCAN, "scan", str(path), "-o", "-", "--model", str(TINY), "--strength", "none", "--device", "cpu"]
    process = start(["sh", "-c", 'exec "$@" 2>&-', "sh", *command], stdout=subprocess.PIPE)
    assert process.communicate()[0] == scan_to_bed(path)
    assert process.returncode == 0


def test_closed_standard_input_is_an_error_of_one_line(start):
    process = start(["sh", "-c", 'exec "$@" <&-', "sh", *PROMSCAN, "score", "-", *OPTIONS], stdout=subprocess.PIPE)
    err = process.communicate()[1]
    assert err == b"promscan: error: standard input: it is closed; send sequences to it, or name a file\n"
    assert process.returncode == 1


def test_memory_is_that_of_the_scan_and_not_of_what_started_it(tmp_path, start):
    summary = tmp_path / "summary.json"
    ballast = np.ones(2**27)  # 1 GiB
    genome = write_fasta(tmp_path / "genome.fa", CONTIGS)
    options = ["--strength", "none", *OPTIONS, "--summary", summary]
    process = start([*PROMSCAN, "scan", genome, "-o", tmp_path / "hits.bed", *options])
    assert process.wait() == 0
    taken = json.loads(summary.read_text())["peak_memory_bytes"]
    assert 50e6 < taken < ballast.nbytes


def test_text_on_standard_output_is_utf8_in_every_locale(start, tmp_path):
    window = CONTIGS["demo2"][:70]
    (tmp_path / "x.tsv").write_text(f"näme\tsequence\té\n1\t{window}\t日本\n", encoding="utf-8")
    genome = write_fasta(tmp_path / "genome.fa", {"chrΩ": CONTIGS["demo2"]})
    hits = tmp_path / "hits.bed"
    hits.write_bytes(scan_to_bed(genome))
    (tmp_path / "tss.bed").write_text("chrΩ\t600\t601\t.\t0\t+\n", encoding="utf-8")
    lines = [
        ["score", "x.tsv", *OPTIONS],
        ["scan", "genome.fa", "-o", "-", "--strength", "none", "--summary", "/dev/null", *OPTIONS],
        ["scan", "genome.fa", "-o", "x.bed", "--strength", "none", "--summary", "-", *OPTIONS],
        ["evaluate", "hits.bed", "--tss", "tss.bed", "--genome", "genome.fa", "--quiet"],
        ["models"],
        ["--help"],
    ]
    script = f"""
import contextlib, sys
from promscan.cli import main
for arguments in {lines}:
    status = 0
    try:
        main(arguments)
    except SystemExit as stop:
        status = stop.code
    assert not status, arguments
"""
    ascii_only = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    process = start(
        [sys.executable, "-c", script], cwd=tmp_path, env={**os.environ, **ascii_only}, stdout=subprocess.PIPE
    )
    out, err = process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert "\té\tlogit\tprobability\n" in out.decode()
    assert "日本" in out.decode()


def test_a_process_substitution_is_read_once(start, tmp_path):
    if shutil.which("bash") is None:
        pytest.skip("needs bash")
    rows = "".join(f"w{i},{CONTIGS['demo2'][i : i + 70]}\n" for i in range(3))
    (tmp_path / "sequences").write_text(f"name,sequence\n{rows}")
    command = f"{' '.join(PROMSCAN)} score <(gzip -c sequences) {' '.join(OPTIONS)}"
    process = start(["bash", "-c", command], cwd=tmp_path, stdout=subprocess.PIPE)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")
    assert [line.split(b"\t")[0] for line in out.splitlines()] == [b"name", b"w0", b"w1", b"w2"]


def test_a_signal_at_the_very_end_shows_no_traceback(start, tmp_path):
    """At each of the last lines that promscan runs, in a fork each of a process that has loaded the command line."""
    script = f"""
import os, sys
import promscan.cli as cli
for lines in range(9, 38, 2):
    if (child := os.fork()) == 0:
        break
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    sys.exit()
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
last = ("main", "_run", "_stopped_by_signals", "_drop_what_standard_output_refuses")
def trace(frame, event, argument):
    global lines
    if frame.f_code.co_filename == cli.__file__ and frame.f_code.co_name in last:
        if event == "line":
            lines -= 1
            if lines == 0:
                os.kill(os.getpid(), {int(signal.SIGTERM)})
        return trace
sys.settrace(trace)
cli.main(["--version"])
"""
    process = start([sys.executable, "-c", script], stdout=subprocess.PIPE)
    out, err = process.communicate(timeout=240)
    assert set(err.splitlines()) <= {b"promscan: interrupted"}
    ends = [int(end) for end in out.split()]
    assert len(ends) == 15
    assert ends[-1] == 0  # all lines were tried
    assert set(ends) <= {0, 130, -signal.SIGTERM}


def test_a_process_that_ends_searches_no_longer_for_circles_of_references():
    """With torch loaded, that search takes a third of a second."""
    program = (
        "import atexit, gc; from promscan.__main__ import main; "
        "atexit.register(lambda: print(len(gc.get_objects()) < gc.get_freeze_count() / 10)); main()"
    )
    ended = subprocess.run([sys.executable, "-c", program, "models"], capture_output=True, check=True, text=True)
    assert ended.stdout.splitlines()[-1] == "True"
