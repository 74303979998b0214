"""Training along a genome: labels, what is pasted, calls, and a planted motif that is learned on its own strand."""

from __future__ import annotations

import dataclasses
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from genomes import demo_contigs, scan, tiny_streaming
from hypothesis import given, settings
from hypothesis import strategies as st

from promscan.errors import InputError, ModelError, RunError
from promscan.networks.classifier import Architecture
from promscan.networks.weights import load_model
from promscan.seq import dna
from promscan.seq.dna import Codes
from promscan.seq.records import Strand
from promscan.seq.tss import KnownStarts, Site
from promscan.train import genome_trainer
from promscan.train import genome_validation as calls
from promscan.train.data.labelled_genome import LabelledGenome
from promscan.train.data.promoters import Promoters, read_promoters
from promscan.train.data.segments import SegmentRecipe, Segments, SegmentSampler
from promscan.train.genome import train_genome
from promscan.train.genome_losses import Losses
from promscan.train.genome_trainer import GenomeRecipe
from promscan.train.genome_validation import draw_pieces, scan_and_validate
from promscan.train.loop.run_folder import RunFolder
from promscan.train.ranking_loss import ranking_loss

pytestmark = pytest.mark.usefixtures("blank_pictures")

CPU = torch.device("cpu")
MOTIF = dna.encode("TATAAAAGGCACGTTGCAGTCCATTCG")
TINY_RECIPE = GenomeRecipe(
    architecture=Architecture(4, composition=(100,)),
    segments=SegmentRecipe(windows=40),
    batch_size=4,
    epochs=1,
    segments_per_epoch=8,
)


@cache
def planted(contigs: int = 4, length: int = 20_000) -> LabelledGenome:
    """Random sequence with a motif up to each start, on either strand."""
    rng = np.random.default_rng(1)
    genome, sites = dict[str, Codes](), list[Site]()
    for number in range(contigs):
        chrom = f"chr{number}:0-{length}"
        codes = rng.integers(0, 4, length, dtype=np.uint8)
        for tss in range(500, length - 500, 1000):
            strand: Strand = "+" if rng.random() < 0.5 else "-"
            if strand == "+":
                codes[tss - len(MOTIF) + 1 : tss + 1] = MOTIF
            else:
                codes[tss : tss + len(MOTIF)] = dna.reverse_complement(MOTIF)
            sites.append(Site(chrom, tss, strand))
        genome[chrom] = codes
    return LabelledGenome(genome, KnownStarts(sites))


def train(out: Path, genome: LabelledGenome | None = None, recipe: GenomeRecipe = TINY_RECIPE, **options: object):
    defaults = {"dev": ["chr0"], "species": "Synthetic", "device": "cpu", "threads": 1}
    return train_genome(genome or planted(2), out, recipe, **{**defaults, **options})


@pytest.mark.slow
def test_a_planted_motif_is_found_on_its_own_strand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(genome_trainer, "WARM_UPS", [70 / 32])  # long ones would take most of the time
    recipe = GenomeRecipe(
        architecture=Architecture(12, convolutions=1, dropout=0.0, composition=(100,)),
        segments=SegmentRecipe(windows=64, mutations=0),
        learning_rate=1e-2,
        averaging=0.9,
        epochs=2,
        segments_per_epoch=512,
        batch_size=16,
    )
    genome = planted()
    card = train(tmp_path / "run", genome, recipe)
    assert card.metrics["dev"]["recall"] > 0.8
    assert card.strand_trusted
    assert card.engine == "streaming"
    model, _ = load_model(str(tmp_path / "run" / "best.safetensors"))
    dev = genome.part(["chr0"])
    pieces = draw_pieces(dev.contigs, 1 << 30, np.random.default_rng(0))
    mirrored = KnownStarts(Site(chrom, tss, "+" if strand == "-" else "-") for chrom, tss, strand in dev.starts)
    assert scan_and_validate(model, dev.contigs, pieces, mirrored, CPU, 1).recall(100) < 0.2


# Segments


def slow_segment(
    sampler: SegmentSampler, site: Site, segment: Segments, margin: int, promoter: Codes | None, read_strand: Strand
) -> Segments:
    """From the definition, window by window: where the codes stand in the contig, edited if a promoter is pasted."""
    contig, recipe = sampler.contigs[site.chrom].copy(), sampler.recipe
    starts = {(tss, strand) for chrom, tss, strand in sampler.starts if chrom == site.chrom}
    if promoter is not None:
        before = sampler.promoters.tss_index
        stretch = [site.tss + (i - before if site.strand == "+" else before - i) for i in range(len(promoter))]
        for position, code in zip(stretch, promoter.tolist(), strict=True):
            if 0 <= position < len(contig):
                contig[position] = code if site.strand == "+" else int(code) ^ 1
        starts = {start for start in starts if start[0] not in stretch} | {(site.tss, site.strand)}
    read = contig if read_strand == "+" else dna.reverse_complement(contig)
    at = [i for i in range(-len(segment.codes), len(read)) if matches(read, segment.codes, i)]
    assert len(at) == 1
    labels, weights, places = [], [], []
    for start in range(at[0] + margin, at[0] + margin + recipe.windows):
        tss = start + 33 if read_strand == "+" else len(contig) - 1 - (start + 33)
        places.append(float((tss, read_strand) in starts))
        same = min((abs(tss - other) for other, strand in starts if strand == read_strand), default=10**9)
        opposite = min((abs(tss - other) for other, strand in starts if strand != read_strand), default=10**9)
        labels.append(int(same <= recipe.near))
        outside = not 0 <= start <= len(read) - 70
        unknown = sum(not 0 <= i < len(read) for i in range(start, start + 70)) > 7
        assert unknown <= outside
        ignored = unknown or recipe.near < same <= recipe.ignored
        weights.append(0 if ignored else recipe.opposite_weight if not labels[-1] and opposite <= 500 else 1)
    return Segments(
        segment.codes, np.array(labels, np.uint8), np.array(weights, np.float32), segment.rates, np.array(places)
    )


def matches(read: Codes, codes: Codes, at: int) -> bool:
    expected = np.full(len(codes), dna.UNKNOWN, np.uint8)
    inside = slice(max(at, 0), max(at + len(codes), 0))
    expected[max(-at, 0) : max(-at, 0) + len(read[inside])] = read[inside]
    return np.array_equal(expected, codes)


@given(st.data())
@settings(max_examples=60)
def test_labels_are_those_of_the_definition(data: st.DataObject) -> None:
    length = data.draw(st.sampled_from([70, 150, 700, 1500]))
    sites = st.builds(Site, st.just("a"), st.integers(0, length - 1), st.sampled_from("+-"))
    listed = data.draw(st.lists(sites, min_size=1, max_size=6))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    contigs = {"a": rng.integers(0, 4, length, dtype=np.uint8)}
    promoters = Promoters(rng.integers(0, 4, (1, 60), dtype=np.uint8), 45, 0, "")
    recipe = SegmentRecipe(windows=data.draw(st.sampled_from([1, 60, 300])), near=3, ignored=20)
    try:
        sampler = SegmentSampler(contigs, KnownStarts(listed), promoters, recipe)
    except InputError:
        return  # no start has room for a promoter
    promoter = promoters.codes[0] if data.draw(st.booleans()) else None
    site = data.draw(st.sampled_from(listed if promoter is None else sampler._hosts))
    margin = data.draw(st.integers(70, 120))
    opposite = data.draw(st.booleans())
    segment = sampler.segment(site, margin, rng, promoter=promoter, opposite=opposite)
    read = site.strand if not opposite else "-" if site.strand == "+" else "+"
    expected = slow_segment(sampler, site, segment, margin, promoter, read)
    assert segment.codes.shape == (2 * margin + recipe.windows + 69,)
    assert segment.weights.tolist() == expected.weights.tolist()
    counted = segment.weights > 0
    assert segment.labels[counted].tolist() == expected.labels[counted].tolist()
    assert segment.places.tolist() == expected.places.tolist()


def test_a_promoter_replaces_one_with_like_ends() -> None:
    strong, weak = np.full(400, 2, np.uint8), np.zeros(400, np.uint8)
    starts = KnownStarts([Site("strong", 200, "+"), Site("weak", 200, "-")])
    promoters = Promoters(np.array([[3] * 100], np.uint8), 60, 0, "")
    sampler = SegmentSampler({"strong": strong, "weak": weak}, starts, promoters, SegmentRecipe(windows=10))
    for seed in range(20):
        codes, labels, *_ = sampler._segment_with_promoter(100, np.random.default_rng(seed), opposite=False)
        assert np.unique(codes).tolist() == [2, 3]
        assert labels.any()
        codes, labels, weights, *_ = sampler._segment_with_promoter(100, np.random.default_rng(seed), opposite=True)
        assert np.unique(codes).tolist() == [2, 3]
        assert not labels.any()
        assert (weights == sampler.recipe.opposite_weight).all()


def test_half_of_a_batch_holds_listed_starts() -> None:
    genome = planted(2)
    sampler = SegmentSampler(genome.contigs, genome.starts, None, SegmentRecipe(windows=8, mutations=0))
    hard = [Site("chr1:0-20000", 1000, "+")]
    batch = sampler.draw(16, 100, hard, np.random.default_rng(1))
    assert batch.codes.shape == (16, 100 + 8 + 69 + 100)
    assert batch.labels[:8].any(axis=1).all()
    mined = [
        matches(genome.contigs[hard[0].chrom], codes, 1000 - 33 - 100 - i) for codes in batch.codes for i in range(8)
    ]
    assert sum(mined) >= 4
    recipe = sampler.recipe
    np.testing.assert_allclose(batch.rates, [recipe.flank_weight] * 10 + [recipe.mined_weight] * 4 + [1] * 2)
    again = sampler.draw(16, 100, hard, np.random.default_rng(1))
    assert all(np.array_equal(a, b) for a, b in zip(batch, again, strict=True))


def test_mutations_replace_known_bases_and_nothing_else() -> None:
    genome = planted(2)
    contigs = {"short": np.zeros(90, np.uint8), **genome.contigs}  # with unknown bases around it
    plain, mutating = (
        SegmentSampler(contigs, genome.starts, None, SegmentRecipe(windows=100, mutations=most)) for most in (0, 0.4)
    )
    before, after = (s.draw(64, 100, [Site("short", 40, "+")], np.random.default_rng(1)) for s in (plain, mutating))
    assert np.array_equal(after.labels, before.labels)
    assert np.array_equal(after.weights, before.weights)
    known = before.codes < 4
    assert (~known).any()
    assert (after.codes[~known] == 4).all()
    assert (after.codes[known] < 4).all()
    moved = (after.codes != before.codes)[known.all(axis=1)].mean(axis=1)
    assert moved.min() < 0.05  # three of four that are drawn differ
    assert 0.2 < moved.max() < 0.35


# Loss


def test_the_ranking_loss_is_that_of_its_definition() -> None:
    rng = np.random.default_rng(1)
    logits, labels = rng.normal(size=(3, 5)), np.array([[0, 1, 1, 0, 0], [0, 0, 0, 0, 0], [1, 0, 0, 0, 0]])
    weights = np.array([[3, 1, 1, 0, 1], [1, 1, 0, 0, 1], [1, 0, 0, 0, 0]])
    rates = np.array([0.5, 1, 2])
    background = (np.exp(logits) * weights * (1 - labels)).sum(axis=1)
    promoters = (np.exp(logits) * weights * labels).sum(axis=1)
    rivals = [(i, of) for i in (0, 2) for of in (background[i], (rates * background).sum())]
    losses = [-np.log(promoters[i] / (promoters[i] + of)) for i, of in rivals]
    found = ranking_loss(*map(torch.from_numpy, (logits, labels, weights.astype(np.float64), rates)))
    assert found.item() == pytest.approx(np.mean(losses))


def test_the_ranking_loss_can_be_learned_from_any_batch() -> None:
    for labels, weights in ((torch.zeros(2, 3), torch.ones(2, 3)), (torch.ones(2, 3), torch.zeros(2, 3))):
        logits = torch.zeros(2, 3, requires_grad=True)
        (loss := ranking_loss(logits, labels, weights, torch.ones(2)) + 0 * logits.sum()).backward()
        assert loss.item() == 0
        assert logits.grad is not None
        assert logits.grad.isfinite().all()
    logits = torch.zeros(2, 3, requires_grad=True)
    labels, weights = torch.tensor([[1, 0, 0], [0, 0, 0]]), torch.tensor([[1.0, 0, 0], [1, 1, 1]])
    ranking_loss(logits, labels, weights, torch.ones(2)).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


# Calls


def test_calls_are_those_of_a_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    contigs = demo_contigs()
    codes = {chrom: dna.encode(bases) for chrom, bases in contigs.items()}
    monkeypatch.setattr(calls, "PIECE", 2 * 2800)
    pieces = draw_pieces(codes, 1 << 30, np.random.default_rng(0))
    assert sum(piece.end - piece.start for piece in pieces) == sum(map(len, codes.values()))
    model, _ = load_model(str(tiny_streaming()))
    found = scan_and_validate(model, codes, pieces, KnownStarts([]), CPU, 1)
    scanned = scan(contigs, model=tiny_streaming(), threshold=1e-300, min_distance=500)
    assert sorted(found.top_false_hits(1000), key=str) == sorted(scanned, key=str)


def test_pieces_are_drawn_anew_and_no_more_than_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "PIECE", 2800)
    contigs = {"a": np.zeros(30_000, np.uint8), "b": np.zeros(100, np.uint8), "c": np.zeros(69, np.uint8)}
    drawn = [draw_pieces(contigs, 10_000, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(sum(piece.end - piece.start for piece in pieces) <= 10_000 for pieces in drawn)
    assert len(draw_pieces(contigs, 1, np.random.default_rng(0))) == 1
    assert draw_pieces(contigs, 1 << 30, np.random.default_rng(0))[-2:] == [("a", 28_000, 30_000), ("b", 0, 100)]


# Runs


def test_a_run_folder_is_complete(tmp_path: Path, drawn_pictures: None) -> None:
    card = train(tmp_path / "run", recipe=dataclasses.replace(TINY_RECIPE, epochs=2))
    names = {path.name for path in (tmp_path / "run").iterdir()}
    weights = {f"{which}.{suffix}" for which in ("best", "last") for suffix in ("safetensors", "json")}
    assert names == weights | {
        "config.json", "metrics.tsv", "state.safetensors", "learning_curves.png", "dev_recall.png",
    }  # fmt: skip
    header, *rows = (tmp_path / "run" / "metrics.tsv").read_text().splitlines()
    assert len(rows) == 2
    assert {"loss_ranking", "recall", "recall_at_10", "recall_at_50", "recall_at_100"} <= set(header.split("\t"))
    assert card.splits["dev"]["names"] == ["chr0"]
    assert card.splits["dev"]["starts"] == card.metrics["dev"]["starts"] == 19
    assert "50 false positives per Mb" in card.threshold_basis
    assert card.default_threshold is not None


def test_an_interrupted_run_resumes_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = dataclasses.replace(TINY_RECIPE, epochs=2, averaging=0.9)
    train(tmp_path / "peace", recipe=recipe)
    keep = RunFolder.save_state

    def killed(folder: RunFolder, *arguments: object) -> None:
        if len(arguments[1]) == 2:
            raise KeyboardInterrupt
        keep(folder, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "save_state", killed)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "killed", recipe=recipe)
    train(tmp_path / "killed", recipe=recipe, resume=True)
    for name in ("best.safetensors", "last.safetensors"):
        assert (tmp_path / "peace" / name).read_bytes() == (tmp_path / "killed" / name).read_bytes()
    with pytest.raises(RunError, match="another recipe"):
        train(tmp_path / "killed", recipe=TINY_RECIPE, resume=True)


def test_nothing_is_scanned_for_false_hits_where_a_list_lacks_real_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the warm-up of a network is as long as its states remember."""
    drawn = list[tuple[int, int]]()

    def draw(self: SegmentSampler, size: int, margin: int, hard: list[Site], rng: np.random.Generator) -> Segments:
        drawn.append((margin, len(hard)))
        return drawn_as_ever(self, size, margin, hard, rng)

    drawn_as_ever = SegmentSampler.draw
    monkeypatch.setattr(SegmentSampler, "draw", draw)
    sizes = Architecture(4, frames=(30, 60), place=3, place_in_logit=True, half_life=16)
    recipe = dataclasses.replace(TINY_RECIPE, architecture=sizes, epochs=2, mining_bases=0)
    card = train(tmp_path / "run", recipe=recipe)
    assert {margin for margin, _ in drawn} <= {70, 105, 140, 175}
    assert {hits for _, hits in drawn} == {0}
    assert card.architecture["place_in_logit"]


def test_hits_of_a_network_with_a_head_for_places_lie_where_it_says(tmp_path: Path) -> None:
    sizes = Architecture(4, place=3, half_life=16)
    card = train(tmp_path / "run", recipe=dataclasses.replace(TINY_RECIPE, architecture=sizes, epochs=1))
    assert card.calling is not None
    assert (card.calling.place_weight, card.calling.grade, card.calling.log_odds) == (1, "own", True)
    plain = train(tmp_path / "plain", recipe=dataclasses.replace(TINY_RECIPE, epochs=1))
    assert plain.calling is None


def test_background_weighs_what_the_recipe_says() -> None:
    losses = Losses(torch.tensor(1.0), torch.tensor(0.25), torch.tensor(4.0), None)
    assert losses.total(background=100, ranking=0, placing=0.2) == 26
    assert losses.total(background=1, ranking=0.25, placing=0.2) == 2.25


def test_another_seed_gives_other_weights(tmp_path: Path) -> None:
    cards = [train(tmp_path / str(n), recipe=dataclasses.replace(TINY_RECIPE, seed=n)) for n in (1, 2)]
    assert cards[0].sha256 != cards[1].sha256


def test_training_starts_from_given_weights(tmp_path: Path) -> None:
    card = train(tmp_path / "first")
    start = tmp_path / "first" / "best.safetensors"
    second = train(tmp_path / "second", init=start)
    assert second.training["init"] == {
        "sha256": card.sha256,
        "species": card.species,
        "git_commit": card.git_commit,
        "training": card.training,
    }
    assert json.loads((tmp_path / "second" / "config.json").read_text())["init"] == card.sha256
    larger = dataclasses.replace(TINY_RECIPE, architecture=Architecture(5))
    with pytest.raises(ModelError, match="architecture"):
        train(tmp_path / "third", recipe=larger, init=start)


# What is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dev": ["chr9"]}, "no contig 'chr9'"),
        ({"leave_out": ["chr9"]}, "no contig 'chr9'"),
        ({"leave_out": ["chr0:0-20000"]}, "'chr0:0-20000' is named for dev and to be left out"),
        ({"leave_out": ["chr1"]}, "no TSS is listed on the contigs to train on"),
        ({"genome": LabelledGenome(planted(2).contigs, KnownStarts([Site("chr1:0-20000", 9, "+")]))}, "on the dev"),
    ],
)
def test_a_genome_that_cannot_be_learned_from_is_refused(
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        train(tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def write_table(folder: Path, *rows: str) -> str:
    (folder / "promoters.tsv").write_text("\n".join(["sequence\tsplit", *rows]) + "\n")
    return str(folder / "promoters.tsv")


def test_promoters_of_other_splits_or_to_be_dropped_are_left_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    kept, dev, dropped, mirrored = (dna.decode(rng.integers(0, 4, 100, dtype=np.uint8)) for _ in range(4))
    (tmp_path / "drop.txt").write_text(
        f"{dropped[9:79]}\n{dna.decode(dna.reverse_complement(dna.encode(mirrored)))[:70]}\n\n"
    )
    rows = (f"{kept}\ttrain", f"{dev}\tdev", f"{dropped}\ttrain", f"{mirrored}\ttrain")
    promoters = read_promoters(write_table(tmp_path, *rows), 60, [str(tmp_path / "drop.txt")])
    assert [dna.decode(codes) for codes in promoters.codes] == [kept]
    assert promoters.left_out == 2


@pytest.mark.parametrize(
    ("rows", "tss_index", "drop", "message"),
    [
        (["ACGT\ttrain", "ACGTA\ttrain"], 1, "", "line 3: the sequence has 5 bp"),
        (["ACGT\ttrain"], 4, "", "line 2: the sequence has 4 bp"),
        (["ACGT\tdev"], 1, "", "no promoter is left"),
        (["AC!T\ttrain"], 1, "", "line 2: '!' at index 2"),
        (["ACGT\ttrain"], 1, "ACGT\n", "drop.txt, line 1: the sequence has 4 bp"),
    ],
)
def test_bad_promoters_are_refused(tmp_path: Path, rows: list[str], tss_index: int, drop: str, message: str) -> None:
    (tmp_path / "drop.txt").write_text(drop)
    with pytest.raises(InputError, match=message):
        read_promoters(write_table(tmp_path, *rows), tss_index, [str(tmp_path / "drop.txt")])


def test_promoters_need_room_around_a_listed_start() -> None:
    promoters = Promoters(np.zeros((1, 500), np.uint8), 450, 0, "")
    with pytest.raises(InputError, match="room"):
        SegmentSampler({"a": np.zeros(400, np.uint8)}, KnownStarts([Site("a", 200, "+")]), promoters, SegmentRecipe())


def test_command_line_trains(tmp_path: Path, promscan_cli) -> None:
    data = Path(__file__).parent / "data"
    command = ["train", "genome", data / "demo.fa", data / "demo_tss.bed", "--dev", "demo2", "--species", "Synthetic"]
    command += ["-o", tmp_path / "run"]
    short = ["--epochs", 1, "--segments-per-epoch", 4, "--batch-size", 4, "--threads", 1]
    sizes = ["--hidden", 4, "--composition", "", "--context-bins", "50,900", *short]
    promoters = ["--positives", write_table(tmp_path, "ACGT" * 30 + "\ttrain"), "--positives-tss", 60]
    assert promscan_cli(*command, *sizes, *promoters).status == 0
    card = load_model(str(tmp_path / "run" / "best.safetensors"))[1]
    assert card.training["promoters"]["used"] == 1
    assert card.architecture["composition"] == []
    assert card.architecture["context_bins"] == [50, 900]
    assert promscan_cli(*command, "--positives", "x.tsv").status == 2
    assert promscan_cli(*command, "--drop", "x.txt").status == 2
    assert promscan_cli(*command, "--composition", "wide").status == 2
    assert promscan_cli(*command, "--composition", "7").status == 2
    assert promscan_cli(*command, "--context-bins", "900,50").status == 2


@pytest.mark.parametrize("name", ["human", "yeast"])
def test_a_training_may_begin_with_a_bundled_model(tmp_path: Path, promscan_cli, name: str) -> None:
    data = Path(__file__).parent / "data"
    command = ["train", "genome", data / "demo.fa", data / "demo_tss.bed", "--dev", "demo2"]
    command += ["--species", "Synthetic construct", "-o", tmp_path / "run"]
    short = ["--epochs", 1, "--segments-per-epoch", 2, "--batch-size", 2, "--threads", 1, "--dev-bases", 3000]
    assert promscan_cli(*command, *short, "--init", name).status == 0
    assert (
        load_model(str(tmp_path / "run" / "last.safetensors"))[1].training["init"]["sha256"]
        == load_model(name)[1].sha256
    )
