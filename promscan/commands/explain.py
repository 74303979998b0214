"""Why hits, or single windows, have their scores: attention weights, mutagenesis and integrated gradients."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from promscan.attribution.attention import attention_weights
from promscan.attribution.gradients import integrated_gradients, place_gradients
from promscan.attribution.mutagenesis import mutate
from promscan.attribution.window import WindowInContext
from promscan.commands.explaining.explanation import Explanation
from promscan.commands.model_of_hits import card_of_hits
from promscan.commands.variation.contigs import ContigReader
from promscan.errors import InputError, ModelError
from promscan.inference.engine import Engine, open_engine
from promscan.inference.settings import EngineSettings
from promscan.inference.streaming import StreamingEngine
from promscan.io.hits import RankedHits, read_hits
from promscan.io.memory_genome import GenomeInput, GenomeSource, open_genome
from promscan.io.scan_header import is_circle
from promscan.io.sequences import SequencesInput, check_window, open_sequences
from promscan.io.text import source_name
from promscan.log import counted, logger
from promscan.networks.card import DEFAULT_MODEL, PROMOTER
from promscan.networks.device import resolve_devices
from promscan.networks.model_files import card_for
from promscan.networks.weights import load_model
from promscan.seq.bounds import MAX_FLANK, check_whole
from promscan.seq.circles import around
from promscan.seq.dna import LETTER_CODES, decode
from promscan.seq.records import Strand
from promscan.seq.tss import Site
from promscan.seq.windows import WINDOW

if TYPE_CHECKING:
    from promscan.networks.classifier import BiGRUAttention

Method = Literal["mutagenesis", "gradients", "both", "place"]
METHODS: tuple[Method, ...] = ("mutagenesis", "gradients", "both", "place")


class _Window(NamedTuple):
    """A window that is explained; `site` is None for a sequence by itself."""

    name: str
    window: WindowInContext
    site: Site | None


def explain(
    hits: SequencesInput,
    genome: GenomeInput | None = None,
    *,
    model: str | Path | None = None,
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
        model: bundled name or weights file; None: the bundled model that the header of the hits names, and `human` for
            sequences and for hits of another tool.
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
        ModelError: no such model, or it is a strength model, or the model of the hits is not bundled.
        DeviceError: no such device, or too little memory.
    """
    return iter(Explainer(
        hits, genome, model=model, method=method, flank=flank, top=top, device=device, batch_size=batch_size,
        threads=threads, precision=precision,
    ))  # fmt: skip


class Explainer:
    """Explains hits, or sequences, with a model; iterate over it once. The options are those of `promscan.explain`.

    Attributes:
        model: name or path of the model.
        card: its card.

    Raises:
        InputError, ModelError: as from `explain`.
    """

    def __init__(
        self,
        hits: SequencesInput,
        genome: GenomeInput | None,
        *,
        model: str | Path | None,
        method: Method,
        flank: int,
        top: int | None,
        device: str,
        batch_size: int | None,
        threads: int | None,
        precision: str,
    ) -> None:
        if method not in METHODS:
            raise InputError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
        self._hits, self._flank, self._top, self._device, self._method = hits, flank, top, device, method
        named = None if model is None else card_for(PROMOTER, model)  # before the genome is read, which may take long
        self._source = None if genome is None else open_genome(genome)
        self._ranked = None if self._source is None else read_hits(str(hits), self._source.contigs())
        self._settings_of_hits = {} if self._ranked is None else self._ranked.settings
        self.model = str(model) if model is not None else _model_of(self._settings_of_hits, str(hits))
        self.card = card_for(PROMOTER, self.model) if named is None else named
        self._check_flank()
        if (made_by := self._settings_of_hits.get("sha256", self.card.sha256)) != self.card.sha256:
            logger.info(
                "%s: model %s (%s) made these hits; their scores here are those of model %s",
                source_name(str(hits)), self._settings_of_hits.get("model"), made_by[:8], self.card.name,
            )  # fmt: skip
        self._settings = EngineSettings(
            strands=("+",), threads=threads, batch_size=batch_size, precision=precision,
            smoothing=1 if genome is None else self.card.smoothing,
        )  # fmt: skip

    def _check_flank(self) -> None:
        check_whole("flank", self._flank, 0, MAX_FLANK)
        single = self._source is None
        if self._flank and (single or self.card.engine != "streaming"):
            reason = "single sequences have nothing around them" if single else f"{self.model} reads single windows"
            raise InputError(f"flank must be 0: {reason}")

    def __iter__(self) -> Iterator[Explanation]:
        network, card = load_model(self.model)
        if self._method == "place" and (self._source is None or not network.architecture.has_places):
            reason = (
                "single sequences have no bases nearby" if self._source is None else f"{self.model} grades no places"
            )
            raise InputError(f"method must not be place: {reason}; take gradients")
        warm_up = StreamingEngine.warm_up if card.engine == "streaming" else 0
        reader = _Reader(network, self._method, warm_up, self._settings.smoothing)
        with open_engine(card.engine, network, resolve_devices(self._device), self._settings) as engine:
            yield from reader.explanations(self._windows(engine), engine)

    def _windows(self, engine: Engine) -> Iterator[_Window]:
        if self._source is None or self._ranked is None:
            return _single_windows(self._hits)
        places = _places(self._ranked, self._source.contigs(), self._top)
        settings, margin = self._settings_of_hits, max(engine.margin, self._flank)
        circles = frozenset(chrom for chrom in self._source.contigs() if is_circle(settings, chrom))
        return _sites(places, str(self._hits), self._source, margin, self._flank, circles)


def _model_of(settings: Mapping[str, str], hits: str) -> str:
    """The bundled model that made hits with this header; without one, for sequences and other tools, the default."""
    if "model" not in settings:
        return DEFAULT_MODEL
    card = card_of_hits(settings)
    if card is None:
        raise ModelError(
            f"{source_name(hits)}: model {settings['model']!r} made these hits, and these weights are not "
            "bundled; name the model by --model"
        )
    return card.name


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
                score=mutagenesis.score, importance=mutagenesis.importance, changes=mutagenesis.changes[:, LETTER_CODES]
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


def _single_windows(sequences: SequencesInput) -> Iterator[_Window]:
    with open_sequences(sequences) as source:
        for sequence in source.sequences:
            check_window(sequence.codes, sequence.place)
            yield _Window(sequence.name, WindowInContext(sequence.codes, 0), None)


def _sites(
    sites: Sequence[Site], path: str, source: GenomeSource, margin: int, flank: int, circles: Container[str]
) -> Iterator[_Window]:
    reader, left_out = ContigReader(source), 0
    for site in sites:
        codes = reader.bases(site.chrom)
        assert codes is not None  # `read_hits` has seen that a hit lies on the genome
        tss, reach = site.tss, margin + WINDOW
        if site.chrom in circles:  # which goes on behind its origin
            codes, tss = around(codes, tss - reach, tss + reach + 1), reach
        window = WindowInContext.around_tss(codes, tss, site.strand, margin, flank)
        if window is None:
            left_out += 1
        else:
            yield _Window(f"{site.chrom}_{site.tss}_{site.strand}", window, site)
    if left_out:
        logger.info("%s: %s too near to the end of a contig left out", path, counted(left_out, "hit"))


def _places(ranked: RankedHits, contigs: Mapping[str, int], top: int | None) -> list[Site]:
    """The best hits, by contig, position and strand; None: all."""
    order = {chrom: number for number, chrom in enumerate(contigs)}
    hits: list[tuple[float, int, int, Strand, str]] = [
        (-score, order[chrom], tss, strand, chrom)
        for (chrom, strand), (positions, scores) in ranked.by_strand.items()
        for tss, score in zip(positions.tolist(), scores.tolist(), strict=True)
    ]
    chosen = sorted(hits)[:top]
    return [Site(chrom, tss, strand) for _, _, tss, strand, chrom in sorted(chosen, key=lambda hit: hit[1:])]
