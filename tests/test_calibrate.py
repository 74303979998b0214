"""A model calibrated on a background calls as many hits per Mb there as it is asked for."""

import math
from itertools import pairwise

import pytest
from genomes import DATA, DEMO, TINY, demo_contigs, tiny_streaming

import promscan
from promscan.commands.calibrate import calibrate
from promscan.errors import InputError, ModelError
from promscan.networks.card import read_card

TSS = DATA / "demo_tss.bed"


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "mine.safetensors"
    calibrate(tiny_streaming(), DEMO, TSS, out, device="cpu")
    return out


def background_hits(hits):
    """The hits that touch nothing within 1,000 bp of a promoter of the demo."""
    known = [line.split("\t")[:3] for line in TSS.read_text().splitlines()]
    near = [(chrom, int(start) - 1000, int(end) + 1000) for chrom, start, end in known]
    return [hit for hit in hits if not any(c == hit.chrom and s < hit.end and hit.start < e for c, s, e in near)]


def test_the_card_says_what_was_counted_and_the_weights_are_the_same(calibrated):
    card, before = read_card(calibrated), read_card(tiny_streaming())
    table = card.calibration
    assert (card.name, card.sha256) == ("mine", before.sha256)
    assert table.background == "demo.fa, 1000 bp and more from demo_tss.bed"
    assert 0 < table.megabases < sum(map(len, demo_contigs().values())) / 1e6
    assert card.screening is None  # a model that runs along the genome is its own quick pass


@pytest.mark.parametrize("rate", [300, 1000])
def test_a_scan_of_the_background_has_as_many_hits_as_asked_for(calibrated, rate):
    table = read_card(calibrated).calibration
    scan = promscan.scan(DEMO, model=calibrated, device="cpu", strength=None, fp_per_mb=rate, exclude=None)
    assert scan.calling.threshold == pytest.approx(table.logit_at(rate))
    hits = list(scan)
    assert all(hit.fp_per_mb <= rate * 1.0001 for hit in hits)
    assert all(hit.fp_per_mb == table.fp_per_mb(hit.logit) for hit in hits)
    # Near excluded sequence a hit of the calibration may lack the rival that beats it in the scan.
    assert len(background_hits(hits)) == pytest.approx(rate * table.megabases, abs=4)


def test_a_calibrated_model_is_called_at_ten_per_mb(tmp_path):
    """Or refuses, as here: 50 kb cannot tell ten false positives per Mb."""
    calibrate(tiny_streaming(), DEMO, TSS, tmp_path / "mine.safetensors", device="cpu")
    with pytest.raises(ModelError, match=r"10 false positives per Mb cannot be measured on 0\.0\d+ Mb of demo.fa"):
        promscan.scan(DEMO, model=tmp_path / "mine.safetensors", device="cpu", strength=None)


def test_a_probability_still_sets_the_threshold(calibrated):
    scan = promscan.scan(DEMO, model=calibrated, device="cpu", strength=None, threshold=0.9)
    assert scan.calling.threshold == pytest.approx(math.log(9))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"fp_per_mb": 1000}, False),
        ({"fp_per_mb": 1000, "min_distance": 700}, False),
        ({"fp_per_mb": 1000, "min_distance": 499}, True),
        ({"fp_per_mb": 1000, "smoothing": 3}, True),
        ({"threshold": 0.9, "min_distance": 1}, False),
    ],
)
def test_a_warning_says_that_a_rate_of_other_hits_is_a_guess(calibrated, caplog, options, told):
    promscan.scan(DEMO, model=calibrated, device="cpu", strength=None, **options)
    assert ("calibrated on hits 500 bp apart" in caplog.text) == told


def test_a_model_that_is_not_calibrated_says_so():
    with pytest.raises(ModelError, match="tiny is not calibrated to false positives per Mb"):
        promscan.scan(DEMO, model=TINY, device="cpu", strength=None, fp_per_mb=10)


def test_a_genome_in_memory_is_calibrated_as_its_file(calibrated, tmp_path):
    card = calibrate(tiny_streaming(), demo_contigs(), TSS, tmp_path / "mine.safetensors", device="cpu")
    assert card.calibration.background == "sequences in memory, 1000 bp and more from demo_tss.bed"
    of_file = read_card(calibrated).calibration
    assert (card.calibration.logits, card.calibration.hits) == (of_file.logits, of_file.hits)
    assert card.calibration.megabases == of_file.megabases


def test_the_background_may_be_on_chosen_contigs(tmp_path):
    calibrate(tiny_streaming(), DEMO, TSS, tmp_path / "mine.safetensors", contigs=["demo2"], device="cpu")
    table = read_card(tmp_path / "mine.safetensors").calibration
    assert table.background.startswith("demo2 of demo.fa")
    assert table.megabases < len(demo_contigs()["demo2"]) / 1e6


def test_the_background_may_be_a_region_of_a_contig(tmp_path):
    contig, of_contig, of_region = (
        demo_contigs()["demo2"],
        tmp_path / "contig.safetensors",
        tmp_path / "region.safetensors",
    )
    calibrate(tiny_streaming(), DEMO, TSS, of_contig, contigs=["demo2"], device="cpu")
    calibrate(tiny_streaming(), DEMO, TSS, of_region, contigs=f"demo2:1-{len(contig):,}".split(","), device="cpu")
    whole, region = (read_card(path).calibration for path in (of_contig, of_region))
    assert (region.hits, region.megabases) == (whole.hits, whole.megabases)
    assert region.background.startswith(f"demo2:1-{len(contig)} of demo.fa")


def test_a_smaller_distance_gives_more_hits_in_calibration_and_scan(calibrated, tmp_path):
    out = tmp_path / "close.safetensors"
    calibrate(tiny_streaming(), DEMO, TSS, out, device="cpu", min_distance=50, smoothing=21)
    close, usual = read_card(out), read_card(calibrated)
    assert (close.min_distance, usual.min_distance) == (50, 500)
    assert (close.smoothing, usual.smoothing) == (21, 1)
    assert len(close.calibration.logits) > len(usual.calibration.logits)
    starts = [
        hit.start for hit in promscan.scan(DEMO, model=out, device="cpu", strength=None, fp_per_mb=1000, strand="+")
    ]
    gaps = [after - before for before, after in pairwise(starts) if after > before]
    assert 50 <= min(gaps) < 500


def test_windows_scored_by_themselves_are_not_smoothed(tmp_path):
    with pytest.raises(ModelError, match="no neighbours to smooth over"):
        calibrate(TINY, DEMO, TSS, tmp_path / "mine.safetensors", device="cpu", smoothing=21)
    assert not (tmp_path / "mine.safetensors").exists()


def test_nothing_left_to_calibrate_on(tmp_path):
    everything = tmp_path / "all.bed"
    everything.write_text("".join(f"{name}\t0\t{len(bases)}\n" for name, bases in demo_contigs().items()))
    with pytest.raises(InputError, match=r"no background is left 1000 bp and more from .*all\.bed"):
        calibrate(tiny_streaming(), DEMO, everything, tmp_path / "mine.safetensors", device="cpu")
    assert not (tmp_path / "mine.safetensors").exists()


def test_the_command(promscan_cli, tmp_path):
    out = tmp_path / "mine.safetensors"
    outcome = promscan_cli(
        "calibrate", tiny_streaming(), "--genome", DEMO, "--exclude", TSS, "-o", out, "--device", "cpu"
    )
    assert outcome.status == 0
    assert "Mb of background" in outcome.err
    hits = tmp_path / "hits.bed"
    assert (
        promscan_cli(
            "scan", DEMO, "-o", hits, "--model", out, "--fp-per-mb", 300, "--strength", "none", "--device", "cpu"
        ).status
        == 0
    )
    rows = [line.split("\t") for line in hits.read_text().splitlines() if not line.startswith("#")]
    assert rows
    assert all(0 < float(row[9]) <= 300.01 for row in rows)


def test_a_contig_that_is_not_there(promscan_cli, tmp_path):
    outcome = promscan_cli(
        "calibrate",
        tiny_streaming(),
        "--genome",
        DEMO,
        "--exclude",
        TSS,
        "-o",
        tmp_path / "x.safetensors",
        "--contigs",
        "chr9",
    )
    assert (outcome.status, outcome.err.count("\n")) == (1, 1)
    assert "there is no contig 'chr9'" in outcome.err


def test_promoters_under_other_names_are_refused(tmp_path):
    """They would all count as background."""
    other = tmp_path / "tss.bed"
    other.write_text("2\t1000\t1001\n")
    with pytest.raises(InputError, match=r"tss\.bed, line 1: the genome has no contig '2'"):
        calibrate(tiny_streaming(), DEMO, other, tmp_path / "mine.safetensors", device="cpu")
