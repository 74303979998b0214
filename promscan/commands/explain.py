"""Why hits, or single windows, have their scores: attention weights, mutagenesis and integrated gradients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from promscan.attribution.attention import attention_weights
from promscan.attribution.gradients import integrated_gradients, place_gradients
from promscan.attribution.mutagenesis import mutate
from promscan.attribution.window import WindowInContext
from promscan.commands.explaining.explanation import ORDER, Explanation
from promscan.commands.variation.contigs import ContigReader
from promscan.errors import InputError
from promscan.inference.engine import Engine, open_engine
from promscan.inference.settings import EngineSettings
from promscan.inference.streaming import StreamingEngine
from promscan.io.hits import read_hits
from promscan.io.memory_genome import GenomeInput, open_genome
from promscan.io.sequences import SequencesInput, check_window, open_sequences
from promscan.log import counted, logger
from promscan.networks.card import DEFAULT_MODEL, STRENGTH, Card, find_model, read_card
from promscan.networks.device import resolve_devices
from promscan.networks.weights import load_model
from promscan.seq.bounds import check_whole
from promscan.seq.dna import decode
from promscan.seq.records import Strand
from promscan.seq.tss import Site

if TYPE_CHECKING:
    from promscan.networks.classifier import BiGRUAttention

Method = Literal["mutagenesis", "gradients", "both", "place"]
METHODS: tuple[Method, ...] = ("mutagenesis", "gradients", "both", "place")
MOST_FLANK = 1000
"""Bases on each side of a window that can be explained."""


class _Window(NamedTuple):
    """A window that is explained; `site` is None for a sequence by itself."""

    name: str
    window: WindowInContext
    site: Site | None


def explain(
    hits: SequencesInput,
    genome: GenomeInput | None = None,
    *,
    model: str | Path = DEFAULT_MODEL,
    method: Method = "mutagenesis",
    flank: int = 0,
    top: int | None = None,
    device: str = "auto",
    batch_size: int | None = None,
    threads: int | None = None,
    precision: str = "auto",
) -> Iterator[Explanation]:
    """Yield an explanation of each hit, by contig and position; or of each 70-bp sequence, in order.

    Args:
        hits: with a genome, path of hits as BED, GFF3 or narrowPeak; without one, 70-bp sequences as `score` takes
            them, which stand between unknown bases.
        genome: FASTA file that the hits were called on, or a mapping of name to sequence.
        model: bundled name or weights file.
        method: `mutagenesis`, `gradients` (integrated gradients, many times faster), `both`, or `place`: integrated
            gradients of the place, which say why a hit is at its base and not at one nearby.
        flank: explain this many bases before and after each window, too.
        top: only this many hits, those with the best scores in their file.
        device: `auto`, `cpu`, `cuda`, `cuda:N`, `mps` or `all`.
        batch_size: windows in flight at most.
        threads: CPU threads (None: as many as the process may use).
        precision: `auto`, `float32` or `bfloat16`.

    Raises:
        InputError: the hits, the sequences or the genome cannot be used.
        ModelError: no such model, or it is a strength model.
        DeviceError: no such device, or too little memory.
    """
    card = _card_of(model)
    if method not in METHODS:
        raise InputError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
    check_whole("flank", flank, 0, MOST_FLANK)
    if flank and (genome is None or card.engine != "streaming"):
        reason = f"{model} reads single windows" if genome is not None else "single sequences have nothing around them"
        raise InputError(f"flank must be 0: {reason}")
    network, card = load_model(str(model))
    if method == "place" and (genome is None or not network.architecture.has_places):
        reason = "single sequences have no bases nearby" if genome is None else f"{model} grades no places"
        raise InputError(f"method must not be place: {reason}; take gradients")
    settings = EngineSettings(
        strands=("+",), threads=threads, batch_size=batch_size, precision=precision,
        smoothing=1 if genome is None else card.smoothing,
    )  # fmt: skip
    reader = _Reader(network, method, StreamingEngine.warm_up if card.engine == "streaming" else 0, settings.smoothing)
    with open_engine(card.engine, network, resolve_devices(device), settings) as engine:
        windows = _windows(hits) if genome is None else _sites(str(hits), genome, top, engine, flank)
        yield from reader.explanations(windows, engine)


def _card_of(model: str | Path) -> Card:
    card = read_card(find_model(str(model)))
    if card.task == STRENGTH:
        raise InputError(f"{model}: a strength model, which scores no windows; give a model that finds promoters")
    return card


class _Reader(NamedTuple):
    """Explains windows with a network; `warm_up` and `smoothing` are those of its engine."""

    network: BiGRUAttention
    method: Method
    warm_up: int
    smoothing: int

    def explanations(self, windows: Iterator[_Window], engine: Engine) -> Iterator[Explanation]:
        """The explanation of each window, in order; mutants go through the engine in batches."""
        if self.method in ("gradients", "place"):
            yield from map(self._explain, windows)
            return
        asked = list[_Window]()

        def remembered() -> Iterator[WindowInContext]:
            for each in windows:
                asked.append(each)
                yield each.window

        for mutagenesis in mutate(remembered(), engine):
            explanation = self._explain(asked.pop(0))
            yield explanation._replace(
                score=mutagenesis.score, importance=mutagenesis.importance, changes=mutagenesis.changes[:, ORDER]
            )

    def _explain(self, each: _Window) -> Explanation:
        """What is known of a window without mutants."""
        window = each.window
        attention = attention_weights(self.network, window, self.warm_up)
        found = Explanation(each.name, each.site, decode(window.bases), 0.0, attention)
        if self.method == "mutagenesis":
            return found
        if self.method == "place":
            contributions = place_gradients(self.network, window, self.warm_up)
        else:
            contributions = integrated_gradients(self.network, window, self.warm_up, self.smoothing)
        return found._replace(
            score=contributions.score, gradients=contributions.values, baseline=contributions.baseline
        )


def _windows(sequences: SequencesInput) -> Iterator[_Window]:
    with open_sequences(sequences) as source:
        for sequence in source.sequences:
            check_window(sequence.codes, sequence.place)
            yield _Window(sequence.name, WindowInContext(sequence.codes, 0), None)


def _sites(path: str, genome: GenomeInput, top: int | None, engine: Engine, flank: int) -> Iterator[_Window]:
    source = open_genome(genome)
    contigs, reader = source.contigs(), ContigReader(source)
    left_out = 0
    for site in _places(path, contigs, top):
        margin = max(engine.margin, flank)
        codes = reader.bases(site.chrom)
        assert codes is not None  # a site lies on one of `contigs`
        window = WindowInContext.around_tss(codes, site.tss, site.strand, margin, flank)
        if window is None:
            left_out += 1
        else:
            yield _Window(f"{site.chrom}_{site.tss}_{site.strand}", window, site)
    if left_out:
        logger.info("%s: %s too near to the end of a contig left out", path, counted(left_out, "hit"))


def _places(path: str, contigs: Mapping[str, int], top: int | None) -> list[Site]:
    """The hits of a file by contig, position and strand."""
    ranked, order = read_hits(path, contigs), {chrom: number for number, chrom in enumerate(contigs)}
    hits: list[tuple[float, int, int, Strand, str]] = [
        (-score, order[chrom], tss, strand, chrom)
        for (chrom, strand), (positions, scores) in ranked.by_strand.items()
        for tss, score in zip(positions.tolist(), scores.tolist(), strict=True)
    ]
    chosen = sorted(hits)[:top]
    return [Site(chrom, tss, strand) for _, _, tss, strand, chrom in sorted(chosen, key=lambda hit: hit[1:])]
