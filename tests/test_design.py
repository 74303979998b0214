"""Proposals keep to every limit and to the strength asked for; one line says what cannot be met."""

from __future__ import annotations

import dataclasses
import itertools
import re

import pytest
from genomes import TINY, TINY_STRENGTH, a_few, random_bases
from hypothesis import given
from hypothesis import strategies as st

import promscan
from promscan.errors import DesignError, InputError
from promscan.networks.weights import load_strength, save_model
from promscan.seq import dna
from promscan.strength import search
from promscan.strength.constraints import Limits
from promscan.strength.reporter import Reporter

REPORTER = Reporter()
OPTIONS = {"model": TINY_STRENGTH, "device": "cpu", "threads": 1}
START = random_bases(80, 5)


def design(*strengths, **options):
    return promscan.design(strengths, **{**OPTIONS, "count": 3, **options})


def difference(one: str, other: str) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))


def reverse_complement(letters: str) -> str:
    return letters[::-1].translate(str.maketrans("ACGT", "TGCA"))


def touching(sequence: str, width: int) -> str:
    """The insert with what precedes and follows it in the reporter, as far as `width` bases reach from within."""
    return REPORTER.five_prime[-(width - 1) :] * (width > 1) + sequence + REPORTER.three_prime[: width - 1]


def as_pattern(site: str) -> re.Pattern[str]:
    return re.compile("(?=" + "".join(f"[{dna.IUPAC[letter]}]" for letter in site.upper()) + ")")


def holds(sequence: str, site: str) -> bool:
    """Whether a site touches the insert on either strand, by regular expressions."""
    around = touching(sequence, len(site))
    return any(as_pattern(site).search(strand) for strand in (around, reverse_complement(around)))


def longest_run(sequence: str, most: int) -> int:
    return max(len(list(group)) for _, group in itertools.groupby(touching(sequence, most + 1)))


def gc(sequence: str) -> float:
    return (sequence.count("G") + sequence.count("C")) / len(sequence)


# Limits


limits = st.fixed_dictionaries(
    {
        "gc": st.sampled_from([(0.3, 0.7), (0.5, 0.5), (0.4, 0.45), (0.2, 0.3), (0.0, 1.0)]),
        "avoid": st.lists(st.sampled_from(["GAATTC", "ggtctc", "CANNTG", "TATA", "GC", "WSR", "TCC"]), max_size=2),
        "max_homopolymer": st.sampled_from([2, 3, 6, 90]),
    }
)  # fmt: skip


@given(limits, st.text("ACGT", min_size=80, max_size=80) | st.just("A" * 80))
def test_violations_are_those_that_regular_expressions_find(limits, sequence):
    low, high = limits["gc"]
    kept = (
        low <= gc(sequence) <= high
        and longest_run(sequence, limits["max_homopolymer"]) <= limits["max_homopolymer"]
        and not any(holds(sequence, site) for site in limits["avoid"])
    )
    found = Limits(limits["gc"], tuple(limits["avoid"]), limits["max_homopolymer"])
    assert (found.violations(dna.encode(sequence)[None], REPORTER)[0] == 0) == kept


def test_sites_count_across_both_ends_of_the_insert_and_not_inside_a_flank():
    violations = Limits((0, 1), ("CATCAA", "TTGGTT"), 90).violations
    inner = "AC" * 39
    for insert, count in (("AA" + inner, 1), ("CA" + inner, 0), (inner + "TT", 1), (inner + "CA", 0)):
        assert violations(dna.encode(insert)[None], REPORTER) == [count]
    assert Limits((0, 1), ("TTTTTTT", "GGTTACGG"), 90).violations(dna.encode(inner + "CA")[None], REPORTER) == [0]


@a_few
@given(data=st.data(), limits=limits, wanted=st.lists(st.sampled_from([6.5, 7.5, 8.5]), min_size=1, max_size=2))
def test_every_proposal_is_within_every_limit(data, limits, wanted):
    options = {"seed": data.draw(st.integers(0, 9), "seed"), "tolerance": 0.4, "min_difference": 12}
    start = data.draw(st.none() | st.just(START), "start")
    if start is not None:
        options |= {"start": start, "max_changes": data.draw(st.integers(30, 80), "changes")}
    try:
        found = design(*wanted, **limits, **options)
    except DesignError:
        return  # the limits and the strength may exclude each other
    assert [each.wanted for each in found] == [strength for strength in wanted for _ in range(3)]
    for each in found:
        assert abs(each.strength - each.wanted) <= 0.4
        assert limits["gc"][0] <= gc(each.sequence) <= limits["gc"][1]
        assert each.gc == gc(each.sequence)
        assert longest_run(each.sequence, limits["max_homopolymer"]) <= limits["max_homopolymer"]
        assert not any(holds(each.sequence, site) for site in limits["avoid"])
        assert each.changes == (None if start is None else difference(each.sequence, start))
        assert each.changes is None or each.changes <= options["max_changes"]
    assert all(difference(a.sequence, b.sequence) >= 12 for a, b in itertools.combinations(found, 2))
    assert design(*wanted, **limits, **options) == found


@a_few
@given(changes=st.integers(1, 12), seed=st.integers(0, 100))
def test_no_proposal_is_farther_from_the_start_than_allowed(changes, seed):
    wanted = design(8, count=1, start=START, max_changes=0, tolerance=20)[0].strength
    found = design(wanted, start=START, max_changes=changes, seed=seed, tolerance=0.5)
    assert found[0].sequence == START
    assert all(difference(each.sequence, START) == each.changes <= changes for each in found)
    least = max(1, changes // 2)
    assert all(difference(a.sequence, b.sequence) >= least for a, b in itertools.combinations(found, 2))


def test_a_start_that_breaks_the_limits_is_mended():
    start = START[:40] + "GAATTC" + START[46:]
    found = design(8, start=start, max_changes=10, avoid=["GAATTC"], tolerance=0.5)
    assert all(1 <= each.changes <= 10 for each in found)


# Strength and seed


def test_strengths_are_those_of_score(tmp_path):
    found = design(7, 9)
    path = tmp_path / "designs.tsv"
    path.write_text("name\tsequence\n" + "".join(f"{each.name}\t{each.sequence}\n" for each in found))
    scores = promscan.score(path, model=TINY_STRENGTH, device="cpu")
    assert [tuple(score) for score in scores] == [(each.name, each.strength, each.strength_sd) for each in found]


def test_the_nearest_proposal_of_a_strength_comes_first():
    found = design(7, 9, count=5)
    for part in (found[:5], found[5:]):
        assert [abs(each.strength - each.wanted) for each in part] == sorted(
            abs(each.strength - each.wanted) for each in part
        )
    assert [each.name for each in found] == [f"design{i}" for i in range(1, 11)]


def test_the_seed_decides_and_threads_do_not():
    first = design(9, seed=1)
    assert design(9, seed=1, threads=2) == first
    assert {each.sequence for each in design(9, seed=2)}.isdisjoint(each.sequence for each in first)


def test_the_tolerance_is_a_tenth_of_the_spread_of_the_model():
    spread = float(load_strength(str(TINY_STRENGTH))[0].spread[0])
    assert all(abs(each.strength - 9) <= 0.1 * spread for each in design(9, count=20))


# What cannot be


@pytest.fixture
def few_steps(monkeypatch):
    monkeypatch.setattr(search, "STEPS", 30)
    monkeypatch.setattr(search, "REPAIRS", 50)


@pytest.mark.usefixtures("few_steps")
@pytest.mark.parametrize(
    ("strength", "options", "complaint"),
    [
        (99, {}, r"strength 99 is out of reach: model tiny-strength predicts strengths of -?[\d.]+ to [\d.]+; ask for"),
        (9, {"start": START, "max_changes": 0, "tolerance": 0.001}, "strength 9 is out of reach: the nearest"),
        (8, {"avoid": ["A", "C"]}, r"no insert was found that keeps to the limits \(G\+C from 0.3 .*, without A, C\)"),
        (8, {"gc": (0.501, 0.502)}, r"no insert was found that keeps to the limits \(G\+C from 0.501 to 0.502"),
        (
            8,
            {"start": "ACGT" * 20, "max_changes": 0, "avoid": ["ACGT"]},
            "no insert with at most 0 changes of the start was found that keeps to the limits",
        ),
        (
            8,
            {"count": 300, "min_difference": 60, "tolerance": 1.0},
            r"strength 8: found \d+ of 300 inserts within 1 of it that differ in at least 60 bp; ask for fewer",
        ),
    ],
)
def test_an_error_names_what_was_not_found_and_the_nearest_that_was(strength, options, complaint):
    with pytest.raises(DesignError, match=complaint) as caught:
        design(strength, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"start": "ACGT"}, "start: the sequence has 4 bp; give an insert of exactly 80"),
        ({"start": "ACGTN" * 16}, "start: base 5 is unknown; give A, C, G or T there"),
        ({"start": "nosuch.fa"}, "start 'nosuch.fa' is neither a file nor a sequence"),
        ({"avoid": ["EcoRI"]}, "site 'EcoRI': 'E' is not an IUPAC letter; give the sequence to avoid"),
        ({"avoid": ["NN"]}, "site 'NN' is everywhere"),
        ({"avoid": [""]}, "site '' is everywhere"),
        ({"gc": (0.7, 0.3)}, "gc 0.7:0.3 is no range of shares"),
        ({"gc": (0.0, 1.1)}, "gc 0:1.1 is no range of shares"),
        ({"max_homopolymer": 0}, "max_homopolymer must be at least 1"),
        ({"min_difference": 81}, "two inserts of 80 bp differ in at most 80 bp, and never in 81; ask for less"),
        (
            {"start": "ACGT" * 20, "max_changes": 1, "min_difference": 3},
            "two inserts with at most 1 change differ in at most 2 bp, and never in 3",
        ),
        ({"model": TINY}, "a classifier, which knows nothing of strength"),
        ({"model": "nosuch"}, "no model 'nosuch'"),
    ],
)
def test_bad_input_is_named(options, complaint):
    with pytest.raises(promscan.PromscanError, match=complaint):
        design(8, **options)


@pytest.mark.parametrize("options", [{"count": 0}, {"seed": -1}, {"max_changes": 3}])
def test_misuse_is_a_value_error(options):
    with pytest.raises(ValueError, match=r"count must be at least 1|seed must be at least 0|give one"):
        design(8, **options)


def test_a_file_of_several_sequences_is_no_start(tmp_path):
    path = tmp_path / "two.fa"
    path.write_text(f">a\n{START}\n>b\n{START}\n")
    with pytest.raises(InputError, match=r"two.fa: holds 2 sequences; give one to start from"):
        design(8, start=str(path))


# The command


@pytest.fixture
def run(promscan_cli, tmp_path):
    def run(*options):
        common = ("--model", TINY_STRENGTH, "--device", "cpu", "--threads", 1, "--quiet")
        return promscan_cli("design", *common, *options)

    return run


def fasta_of(designs) -> str:
    return "".join(
        f">{d.name} wanted={d.wanted:g} strength={d.strength:.4f} strength_sd={d.strength_sd:.4f}\n{d.sequence}\n"
        for d in designs
    )


def test_fasta_and_table_hold_the_proposals_of_the_call(run, tmp_path):
    fasta, table = tmp_path / "designs.fa", tmp_path / "designs.tsv"
    (tmp_path / "start.fa").write_text(f">start\n{START}\n")
    places = ("-o", fasta, "--table", table)
    limits = ("--gc", "0.4:0.6", "--avoid", "GAATTC", "--max-homopolymer", 4, "--start", tmp_path / "start.fa")
    outcome = run("--strength", 8, "--strength", 8.5, "--count", 2, *limits, *places)
    assert (outcome.status, outcome.out, outcome.err) == (0, "", "")
    found = design(
        8, 8.5, count=2, gc=(0.4, 0.6), avoid=["GAATTC"], max_homopolymer=4, start=str(tmp_path / "start.fa")
    )
    assert fasta.read_text() == fasta_of(found)
    header, *rows = [line.split("\t") for line in table.read_text().splitlines()]
    assert header == ["name", "sequence", "wanted", "strength", "strength_sd", "gc", "changes"]
    assert rows == [
        [d.name, d.sequence, f"{d.wanted:g}", *(f"{x:.4f}" for x in (d.strength, d.strength_sd, d.gc)), str(d.changes)]
        for d in found
    ]


def test_standard_output_is_fasta_and_a_suffix_decides_otherwise(run, tmp_path):
    found = design(8, count=1)
    assert run("--strength", 8, "--count", 1, "-o", "-").out == fasta_of(found)
    assert run("--strength", 8, "--count", 1, "-o", tmp_path / "designs.tsv").status == 0
    assert (tmp_path / "designs.tsv").read_text().splitlines()[1].split("\t")[-1] == "."


@pytest.mark.usefixtures("few_steps")
@pytest.mark.parametrize(
    ("options", "status", "complaint"),
    [
        (("--strength", 99), 1, "strength 99 is out of reach"),
        (("--strength", 8, "-o", "{folder}/designs.txt"), 1, "no format has this suffix; end it in .fa, .fasta"),
        (("--strength", 8, "-o", "{folder}/no/designs.fa"), 1, "no/designs.fa: cannot be written"),
        (("--strength", 8, "--table", "{folder}/no/designs.tsv"), 1, "no/designs.tsv: cannot be written"),
        (("--strength", 8, "--max-changes", 3), 2, "--max-changes counts from a start: give --start as well"),
        (("--strength", "nan"), 2, "nan is not a finite number"),
        (("--strength", 8, "--gc", "0.3"), 2, "'0.3' is not LOW:HIGH"),
        (("--strength", 8, "--gc", "0.3:0..7"), 2, "'0.3:0..7' is not LOW:HIGH"),
        (("--strength", 8, "--gc", "0.7:0.3"), 2, "'0.7:0.3' is not a range"),
        (("--strength", 8, "--tolerance", 0), 2, "'--tolerance'"),
        (("--strength", 8, "--count", 0), 2, "'--count'"),
        (("--strength", 8, "--min-difference", 0), 2, "'--min-difference'"),
        ((), 2, "Missing option '--strength'"),
    ],
)  # fmt: skip
def test_a_failure_says_why_and_leaves_nothing(run, tmp_path, options, status, complaint):
    folder = tmp_path / "out"
    folder.mkdir()
    options = [str(option).format(folder=folder) for option in options]
    options += [] if "-o" in options else ["-o", folder / "designs.fa"]
    outcome = run(*options)
    assert outcome.status == status
    assert complaint in outcome.err
    assert outcome.out == ""
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("strength", [-1e9, -100, 40, 1e9])
def test_a_strength_that_the_unit_cannot_hold_is_refused_before_the_search(strength, monkeypatch):
    monkeypatch.setattr(search.Search, "run", None)
    with pytest.raises(DesignError, match="is out of reach: model tiny-strength predicts"):
        promscan.design([8, strength], model=TINY_STRENGTH, device="cpu")


def test_the_ends_of_the_unit_bound_what_can_be_asked_for(tmp_path):
    network, card = load_strength(str(TINY_STRENGTH))
    part = dataclasses.replace(card.strength, lowest=7.0, highest=9.5)
    save_model(tmp_path / "x.safetensors", network, dataclasses.replace(card, strength=part))
    for strength in (6.9, 9.6):
        with pytest.raises(DesignError, match=r"predicts strengths of 7 to 9\.5; ask for one of those"):
            promscan.design([strength], model=tmp_path / "x.safetensors", device="cpu")


def test_the_ends_of_the_range_that_is_shown_can_be_asked_for(monkeypatch):
    with pytest.raises(DesignError) as error:
        promscan.design([1e6], model=TINY_STRENGTH, device="cpu")
    low, high = re.search(r"strengths of (\S+) to (\S+);", str(error.value)).groups()
    monkeypatch.setattr(search.Search, "run", lambda *_: [])
    assert promscan.design([float(low), float(high)], model=TINY_STRENGTH, device="cpu") == []
