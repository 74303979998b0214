"""A scan finds what the definition says, and nothing but the bases and the options decides what it finds."""

import itertools
import threading
from contextlib import contextmanager
from unittest import mock

import numpy as np
import pytest
import torch
from genomes import (
    EVERY_WINDOW,
    REPEATS,
    TINY,
    a_few,
    contigs_of,
    demo_contigs,
    genomes,
    logits_of,
    scan,
    scan_to_bed,
    tiny_streaming,
    write_fasta,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

import promscan
from promscan.inference.windowed import WindowedEngine
from promscan.networks.weights import load_model
from promscan.seq.dna import UNKNOWN, encode, reverse_complement
from promscan.seq.windows import WINDOW

probabilities = st.sampled_from([0.1, 0.3, 0.6])
distances = st.sampled_from([1, 2, 30, 100, 500])
tied = {"threshold": 0.01, "min_distance": 30}
calling = st.fixed_dictionaries({"threshold": probabilities, "min_distance": distances})


# The definition


def slow_logits(contigs, strands, stride, skip_masked):
    """Every window that may be scored, cut out by itself, through the plain network."""
    windows = {}
    for chrom, bases in contigs.items():
        codes = encode(bases, skip_masked=skip_masked)
        for start in range(0, len(codes) - WINDOW + 1, stride):
            window = codes[start : start + WINDOW]
            if (window == UNKNOWN).sum() <= 7:
                turned = {"+": window, "-": reverse_complement(window)}
                windows |= {(chrom, start, strand): turned[strand] for strand in strands}
    if not windows:
        return {}
    with torch.inference_mode():
        logits = load_model(str(TINY))[0](torch.from_numpy(np.stack(list(windows.values()))))
    return dict(zip(windows, logits.tolist(), strict=True))


def slow_hits(logits, threshold, min_distance):
    """The windows of at least the threshold that no window of their strand nearby beats."""

    def beats(rival, window):
        further_5_prime = rival[1] < window[1] if window[2] == "+" else rival[1] > window[1]
        return (logits[rival], further_5_prime) > (logits[window], False)

    def rivals(chrom, start, strand):
        near = (place for place in range(start - min_distance + 1, start + min_distance) if place != start)
        return (window for place in near if (window := (chrom, place, strand)) in logits)

    passing = [window for window in logits if logits[window] >= np.log(threshold / (1 - threshold))]
    return {window: logits[window] for window in passing if not any(beats(rival, window) for rival in rivals(*window))}


@settings(a_few, max_examples=25)
@given(
    contigs=genomes(),
    options=calling,
    strand=st.sampled_from(["both", "+", "-"]),
    stride=st.sampled_from([1, 2, 7, 100]),
    skip_masked=st.booleans(),
)
@example(contigs=REPEATS, options=tied, strand="both", stride=1, skip_masked=False)
def test_hits_are_those_of_the_definition(device, contigs, options, strand, stride, skip_masked):
    common = {"device": device, "strand": strand, "stride": stride, "skip_masked": skip_masked}
    every = logits_of(scan(contigs, **common, **EVERY_WINDOW))
    expected = slow_logits(contigs, "+-" if strand == "both" else strand, stride, skip_masked)
    assert every.keys() == expected.keys()
    assert [every[window] for window in expected] == pytest.approx(list(expected.values()), abs=1e-4)
    assert logits_of(scan(contigs, **common, **options)) == slow_hits(every, **options)


@a_few
@given(contigs=genomes(), options=calling)
def test_hits_are_sorted_and_apart(contigs, options):
    hits = scan(contigs, **options)
    order = [(list(contigs).index(hit.chrom), hit.start, hit.strand) for hit in hits]
    assert order == sorted(order)
    for strand in "+-":
        own = [hit for hit in hits if hit.strand == strand]
        for hit, following in itertools.pairwise(own):
            assert hit.chrom != following.chrom or following.start - hit.start >= options["min_distance"]
    for hit in hits:
        assert (hit.tss, hit.end) == (hit.start + (33 if hit.strand == "+" else 36), hit.start + WINDOW)
        assert 0 <= hit.start < hit.end <= len(contigs[hit.chrom])


@a_few
@given(contigs=genomes(), options=calling, higher=st.sampled_from([0.5, 0.7, 0.9]))
def test_a_higher_threshold_only_takes_hits_away(contigs, options, higher):
    hits = logits_of(scan(contigs, **options))
    lowest = np.log(higher / (1 - higher))
    kept = {window: logit for window, logit in hits.items() if logit >= lowest}
    if higher > options["threshold"]:
        assert logits_of(scan(contigs, **options | {"threshold": higher})) == kept


# Strands


def mirrored(contigs):
    complement = str.maketrans("ACGTacgt", "TGCAtgca")  # which unknown base it is does not matter
    return {name: bases[::-1].translate(complement) for name, bases in contigs.items()}


@a_few
@given(contigs=genomes(), options=calling)
@example(contigs=REPEATS, options=tied)
def test_the_other_strand_read_forwards_has_the_mirrored_hits(contigs, options):
    hits = logits_of(scan(contigs, **options))
    turned = {
        (chrom, len(contigs[chrom]) - WINDOW - start, "-" if strand == "+" else "+"): logit
        for (chrom, start, strand), logit in hits.items()
    }
    assert logits_of(scan(mirrored(contigs), **options)) == turned


@a_few
@given(contigs=genomes(), options=calling)
def test_one_strand_is_that_strand_of_both(contigs, options):
    both = scan(contigs, **options)
    for strand in "+-":
        assert scan(contigs, strand=strand, **options) == [hit for hit in both if hit.strand == strand]


# What must not matter


@a_few
@given(
    contigs=genomes(),
    options=calling,
    stride=st.sampled_from([1, 3]),
    step=st.integers(20, 300),
    machine=st.fixed_dictionaries({"threads": st.integers(1, 3), "batch_size": st.integers(1, 1000)}),
    layout=st.fixed_dictionaries({"width": st.integers(1, 80), "packing": st.sampled_from(["plain", "gzip", "bgzip"])}),
)
def test_bytes_do_not_depend_on_how_the_scan_is_run(
    tmp_path, contigs, options, stride, step, machine, layout
):  # fmt: skip
    plain = scan_to_bed(write_fasta(tmp_path / "genome.fa", contigs), stride=stride, **options)
    other = write_fasta(tmp_path / "other.fa", contigs, **layout)
    with mock.patch.object(WindowedEngine, "chunk_step", step):
        assert scan_to_bed(other, stride=stride, **options, **machine) == plain


@a_few
@given(contigs=genomes(), options=calling)
def test_contigs_are_scanned_each_for_itself(contigs, options):
    alone = [hit for name in contigs for hit in scan({name: contigs[name]}, **options)]
    assert scan(contigs, **options) == alone


@a_few
@given(contigs=genomes(), options=calling)
def test_case_matters_only_if_masked_bases_are_skipped(contigs, options):
    upper = {name: bases.upper() for name, bases in contigs.items()}
    assert scan(contigs, **options) == scan(upper, **options)
    hidden = {name: "".join("N" if base.islower() else base for base in bases) for name, bases in contigs.items()}
    assert scan(contigs, skip_masked=True, **options) == scan(hidden, **options)


@a_few
@given(contigs=genomes(), options=calling)
def test_every_unknown_base_is_the_same(contigs, options):
    unknown = str.maketrans(dict.fromkeys("RYKx-rykX", "N"))
    assert scan(contigs, **options) == scan({n: bases.translate(unknown) for n, bases in contigs.items()}, **options)


# Coordinates


@a_few
@given(bases=contigs_of(), begin=st.integers(0, 400), length=st.integers(1, 100), distance=st.sampled_from([1, 40]))
def test_unknown_bases_change_only_the_hits_around_them(bases, begin, length, distance):
    options = {"threshold": 0.1, "min_distance": distance}
    end = min(begin + length, len(bases))

    def far(hits):
        """Neither these windows nor their rivals touch the unknown bases."""
        reach = distance - 1
        return [hit for hit in hits if hit.end + reach <= begin or hit.start - reach >= end]

    hidden = bases[:begin] + "N" * (end - begin) + bases[end:]
    assert len(hidden) == len(bases)
    assert far(scan({"chr1": hidden}, **options)) == far(scan({"chr1": bases}, **options))


@a_few
@given(bases=contigs_of(), at=st.integers(0, 400), length=st.integers(1, 300))
def test_inserted_unknown_bases_shift_what_follows(bases, at, length):
    at = min(at, len(bases))
    before = logits_of(scan({"chr1": bases}, **EVERY_WINDOW))
    after = logits_of(scan({"chr1": bases[:at] + "N" * length + bases[at:]}, **EVERY_WINDOW))
    untouched = {(chrom, start, strand): x for (chrom, start, strand), x in before.items() if start + WINDOW <= at}
    shifted = {(chrom, start + length, strand): x for (chrom, start, strand), x in before.items() if start >= at}
    assert {**untouched, **shifted}.items() <= after.items()


# Places


@st.composite
def places(draw, contigs):
    """(contig, start, end), 0-based and half-open, one or a few."""
    found = []
    for _ in range(draw(st.integers(1, 3))):
        chrom = draw(st.sampled_from(sorted(contigs)))
        start = draw(st.integers(0, len(contigs[chrom]) - 1))
        found.append((chrom, start, draw(st.integers(start + 1, len(contigs[chrom])))))
    return found


def write_bed(path, intervals):
    path.write_text("".join(f"{chrom}\t{start}\t{end}\n" for chrom, start, end in intervals))
    return path


def inside(intervals, hit):
    return any(chrom == hit.chrom and start <= hit.tss < end for chrom, start, end in intervals)


@a_few
@given(
    data=st.data(), contigs=genomes(min_length=70), index=st.booleans(), model=st.sampled_from([TINY, tiny_streaming()])
)
def test_progress_ends_where_it_was_to_end(data, contigs, index, model):
    chrom = data.draw(st.sampled_from(sorted(contigs)))
    edges = data.draw(st.lists(st.integers(0, len(contigs[chrom]) - 1), min_size=1, max_size=4))
    announced, done = [], []

    @contextmanager
    def progress(total, *_):
        announced.append(total)
        yield mock.Mock(advance=done.append)

    regions = [f"{chrom}:{edge + 1}-{edge + 1}" for edge in edges]
    with mock.patch("promscan.commands.scanning.run.progress", progress):
        scan(contigs, regions=regions, index=index, min_distance=30, model=model)
    assert announced == [pytest.approx(sum(done))]


@a_few
@given(
    data=st.data(), contigs=genomes(min_length=1), options=calling, index=st.booleans(), stride=st.sampled_from([1, 3])
)
def test_regions_keep_hits_of_the_full_scan_by_their_tss(data, contigs, options, index, stride):
    wanted = data.draw(places(contigs))
    regions = [f"{chrom}:{start + 1:,}-{end:,}" for chrom, start, end in wanted]
    full = scan(contigs, stride=stride, **options)
    assert scan(contigs, regions=regions, index=index, stride=stride, **options) == [
        hit for hit in full if inside(wanted, hit)
    ]


@settings(a_few, max_examples=5)
@given(data=st.data(), contigs=genomes(min_length=1), options=calling)
def test_bed_keeps_and_exclude_drops(tmp_path, data, contigs, options):
    """Both at once: what is excluded beats nobody, and the BED file only selects."""
    wanted, barred = data.draw(places(contigs)), data.draw(places(contigs))
    bed, exclude = write_bed(tmp_path / "wanted.bed", wanted), write_bed(tmp_path / "barred.bed", barred)
    every = scan(contigs, **EVERY_WINDOW)
    free = [
        hit
        for hit in every
        if not any(chrom == hit.chrom and start < hit.end and hit.start < end for chrom, start, end in barred)
    ]
    assert scan(contigs, exclude=exclude, **EVERY_WINDOW) == free
    left = scan(contigs, exclude=exclude, **options)
    assert logits_of(left) == slow_hits(logits_of(free), **options)
    assert scan(contigs, bed=bed, exclude=exclude, **options) == [hit for hit in left if inside(wanted, hit)]


def test_region_of_a_contig_with_a_colon_in_its_name():
    bases = demo_contigs()["demo2"][3400:3900]
    contigs = {"chr1:1-100": bases, "chr1": bases[::-1]}
    assert scan(contigs, regions=["chr1:1-100"]) == scan({"chr1:1-100": bases})


# From Python


def test_a_scan_can_be_repeated_and_left_early(tmp_path):
    path = write_fasta(tmp_path / "genome.fa", {"chr1": demo_contigs()["demo2"][3400:3900]})
    job = promscan.scan(path, model=TINY, strength=None, device="cpu", **EVERY_WINDOW)
    hits = list(job)
    running = iter(job)
    assert next(running) == hits[0]
    running.close()
    assert list(job) == hits
    assert job.statistics.hits == len(hits)
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("promscan")]


@pytest.mark.parametrize("smoothing", [0, -1, 100])
def test_a_width_of_smoothing_without_a_middle_is_refused(smoothing):
    with pytest.raises(ValueError, match="smoothing must be odd and positive"):
        scan({"chr1": "ACGT"}, smoothing=smoothing)


@pytest.mark.parametrize("wrong", [{"stride": 0}, {"min_distance": 0}, {"threads": 0}, {"batch_size": 0}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="must be at least 1"):
        scan({"chr1": "ACGT"}, **wrong)


def test_a_precision_that_does_not_exist_is_refused_before_the_scan(tmp_path):
    with pytest.raises(ValueError, match="precision must be one of auto, float32, bfloat16, not 'half'"):
        promscan.scan(write_fasta(tmp_path / "x.fa", {"chr1": "ACGT"}), model=TINY, precision="half")
