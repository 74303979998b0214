"""Cross-fitting over chromosomes, and false positives asked for and got."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from genomes import DATA, DEMO, TINY, random_bases, write_fasta
from scripts import result_of

import promscan
from benchmarks.accuracy.calibration import tandem_bases, tandem_repeats
from benchmarks.accuracy.crossfit import chromosome_folds, cross_fit
from promscan.metrics.calibration import Calibration
from promscan.networks.weights import load_model, save_model
from promscan.seq.dna import encode
from promscan.seq.records import Hit
from promscan.seq.tss import distances

CONTIGS = {"chr1:0-9": 9, "chr2:0-7": 7, "chr1:20-25": 5, "chr3": 4, "chr4:1-4": 3}


def test_contigs_of_a_chromosome_stay_together_and_folds_have_about_as_many_bases():
    folds = chromosome_folds(CONTIGS, 2)
    assert sorted(contig for fold in folds for contig in fold) == sorted(CONTIGS)
    assert [sum(CONTIGS[contig] for contig in fold) for fold in folds] == [14, 14]
    assert [{"chr1:0-9", "chr1:20-25"} <= {*fold} for fold in folds] == [True, False]
    assert len(chromosome_folds(CONTIGS, 4)) == 4
    with pytest.raises(ValueError, match="4 chromosomes cannot be divided into 5 groups"):
        chromosome_folds(CONTIGS, 5)


def test_nothing_is_judged_by_what_was_fitted_on_it():
    folds = chromosome_folds(CONTIGS, 3)
    judged = cross_fit(folds, frozenset, lambda fitted, part: (fitted, frozenset(part)))
    for fitted, part in judged:
        assert not fitted & part
        assert fitted | part == CONTIGS.keys()
    assert [part for _, part in judged] == [frozenset(fold) for fold in folds]


def test_tandem_repeats_are_found_at_any_lag_up_to_60_and_nowhere_else(tmp_path):
    rng = np.random.default_rng(0)
    for lag in (1, 2, 7, 60):
        unit = random_bases(lag, lag)
        repeat = list((unit * 200)[:200])
        for at in rng.choice(200, 8, replace=False):
            repeat[at] = "A"
        codes = encode(random_bases(1000, 1) + "".join(repeat) + random_bases(1000, 2))
        found = np.flatnonzero(tandem_bases(codes))
        assert len(found) > 60
        assert 1000 + lag <= found.min() <= 1000 + lag + 50
        assert found.max() <= 1230  # random bases after a repeat may equal it
    unit = random_bases(61, 5)
    assert not tandem_bases(encode(unit * 10)).any()
    assert not tandem_bases(encode("AT" * 10)).any()
    genome = write_fasta(
        tmp_path / "g.fa", {"a": random_bases(500, 1) + "CA" * 100 + random_bases(500, 2), "b": "A" * 300}
    )
    near = tandem_repeats(genome, ["a"], {"a": 1200, "b": 300})
    ((chrom, start, end),) = near
    assert chrom == "a"
    assert 420 <= start <= 500
    assert 780 <= end <= 820


def test_false_hits_asked_for_and_got_are_counted_on_background(tmp_path):
    rng, starts = np.random.default_rng(0), promscan.read_labelled_genome(DEMO, DATA / "demo_tss.bed").starts
    drawn = [("demo1", int(at)) for at in rng.integers(30_000, size=300)]
    drawn += [("demo2", int(at)) for at in rng.integers(20_000, size=200)]
    hits = [Hit(chrom, at, "+-"[at % 2], at, float(rng.normal(0, 2)), 0.5) for chrom, at in drawn]
    network, card = load_model(str(TINY))
    table = Calibration("some background", 2.0, (4.0, 2.0, 0.0), (1, 20, 400))
    model = tmp_path / "model.safetensors"
    save_model(model, network, dataclasses.replace(card, calibration=table, default_threshold=None))
    rows = (f"{hit.chrom}\t{hit.tss}\t{hit.tss + 1}\t.\t{hit.logit}\t{hit.strand}\n" for hit in hits)
    (tmp_path / "hits.bed").write_text("".join(rows))
    options = ["--genome", DEMO, "--tss", DATA / "demo_tss.bed", "--contigs", "demo1,demo2"]
    options += ["--hits", tmp_path / "hits.bed"]
    result = result_of("benchmarks.accuracy.calibration", model, *options, output=tmp_path / "result.json")

    places = {
        chrom: np.sort(np.concatenate([starts.on(chrom, strand) for strand in "+-"])) for chrom in ("demo1", "demo2")
    }
    background = [hit for hit in hits if distances(np.array([hit.tss]), places[hit.chrom])[0] > 1000]
    lengths = {"demo1": 30_000, "demo2": 20_000}
    megabases = sum(int((distances(np.arange(lengths[c]), places[c]) > 1000).sum()) for c in places) / 1e6
    assert result["asked"].keys() == {"1", "10", "100"}
    for rate in (1, 10, 100):
        logit, row = table.logit_at(rate), result["asked"][str(rate)]
        count = sum(hit.logit >= logit for hit in background)
        assert row["all"]["megabases"] == pytest.approx(megabases)
        assert (row["all"]["hits"], row["all"]["fp_per_mb"]) == (count, pytest.approx(count / megabases))
        low, high = row["all"]["interval95"]
        assert low <= count / megabases <= high
        for one, other in (("tandem", "not_tandem"), ("gene_dense", "not_gene_dense")):
            assert row[one]["hits"] + row[other]["hits"] == count
        assert row["card95"] == list(table.interval(rate))
    assert result["cross_fitted"]["folds"] == [["demo1"], ["demo2"]]
