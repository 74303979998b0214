"""Why hits, or single windows, have their scores: attention weights and in-silico mutagenesis."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from promscan.attribution.attention import attention_weights
from promscan.attribution.mutagenesis import mutate
from promscan.attribution.window import WindowInContext
from promscan.commands.variation.contigs import ContigReader
from promscan.errors import InputError
from promscan.inference.engine import Engine, open_engine
from promscan.inference.settings import EngineSettings
from promscan.inference.streaming import StreamingEngine
from promscan.io.files import atomic_path, open_text_output, write_errors
from promscan.io.hits import read_hits
from promscan.io.memory_genome import GenomeInput, open_genome
from promscan.io.sequences import SequencesInput, check_window, open_sequences
from promscan.log import counted, logger
from promscan.networks.card import DEFAULT_MODEL, STRENGTH, find_model, read_card
from promscan.networks.device import resolve_devices
from promscan.networks.weights import load_model
from promscan.seq.dna import ALPHABET, decode
from promscan.seq.records import Strand
from promscan.seq.windows import TSS_INDEX, WINDOW

LETTERS = "ACGT"
"""Order of the columns of substitutions."""
COLUMNS = ("name", "offset", "base", "score", "attention", "importance", *LETTERS)

_ORDER = [ALPHABET.index(letter) for letter in LETTERS]

Array = npt.NDArray[np.float32]


class Explanation(NamedTuple):
    """Why a window has its score.

    name: of the hit (`chrom_tss_strand`) or of the sequence.
    bases: the window, 5' to 3'; its transcription start has the index 33.
    score: calling score of the window in its surroundings.
    attention: weights of the bases, (70,).
    importance: how much the score falls, on average, if the base is replaced, (70,).
    changes: change of the score with A, C, G, T in the place of each base, (70, 4).
    """

    name: str
    bases: str
    score: float
    attention: Array
    importance: Array
    changes: Array

    @property
    def agreement(self) -> float:
        """Spearman correlation of attention with the size of the importance."""
        attention, importance = (np.argsort(np.argsort(values)) for values in (self.attention, np.abs(self.importance)))
        return float(np.corrcoef(attention, importance)[0, 1])


class _Site(NamedTuple):
    name: str
    window: WindowInContext


def explain(
    hits: SequencesInput,
    genome: GenomeInput | None = None,
    *,
    model: str | Path = DEFAULT_MODEL,
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
    card = read_card(find_model(str(model)))
    if card.task == STRENGTH:
        raise InputError(f"{model}: a strength model, which scores no windows; give a model that finds promoters")
    network, card = load_model(str(model))
    smoothing = 1 if genome is None else card.smoothing
    settings = EngineSettings(
        strands=("+",), threads=threads, batch_size=batch_size, precision=precision, smoothing=smoothing
    )
    warm_up = StreamingEngine.warm_up if card.engine == "streaming" else 0
    with open_engine(card.engine, network, resolve_devices(device), settings) as engine:
        sites = _windows(hits) if genome is None else _sites(str(hits), genome, top, engine)
        yield from _explained(sites, engine, lambda window: attention_weights(network, window, warm_up))


def _explained(
    sites: Iterator[_Site], engine: Engine, attention: Callable[[WindowInContext], Array]
) -> Iterator[Explanation]:
    asked = list[_Site]()

    def windows() -> Iterator[WindowInContext]:
        for site in sites:
            asked.append(site)
            yield site.window

    for mutagenesis in mutate(windows(), engine):
        name, window = asked.pop(0)
        yield Explanation(
            name, decode(window.bases), mutagenesis.score, attention(window), mutagenesis.importance,
            mutagenesis.changes[:, _ORDER],
        )  # fmt: skip


def _windows(sequences: SequencesInput) -> Iterator[_Site]:
    with open_sequences(sequences) as source:
        for sequence in source.sequences:
            check_window(sequence.codes, sequence.place)
            yield _Site(sequence.name, WindowInContext(sequence.codes, 0))


def _sites(path: str, genome: GenomeInput, top: int | None, engine: Engine) -> Iterator[_Site]:
    source = open_genome(genome)
    contigs, reader = source.contigs(), ContigReader(source)
    left_out = 0
    for chrom, tss, strand in _places(path, contigs, top):
        window = WindowInContext.around_tss(reader.bases(chrom), tss, strand, engine.margin)
        if window is None:
            left_out += 1
        else:
            yield _Site(f"{chrom}_{tss}_{strand}", window)
    if left_out:
        logger.info("%s: %s too near to the end of a contig left out", path, counted(left_out, "hit"))


def _places(path: str, contigs: Mapping[str, int], top: int | None) -> list[tuple[str, int, Strand]]:
    """The hits of a file by contig, position and strand."""
    ranked, order = read_hits(path, contigs), {chrom: number for number, chrom in enumerate(contigs)}
    hits = [
        (-score, order[chrom], tss, strand, chrom)
        for (chrom, strand), (positions, scores) in ranked.by_strand.items()
        for tss, score in zip(positions.tolist(), scores.tolist(), strict=True)
    ]
    chosen = sorted(hits)[:top]
    return [(chrom, tss, strand) for _, _, tss, strand, chrom in sorted(chosen, key=lambda hit: hit[1:])]


def write_explanations(found: Iterator[Explanation], output: str, plots: Path | None) -> list[float]:
    """Write explanations as a table, or as arrays if `output` ends in `.npz`; returns how each agrees with attention.

    Args:
        found: what to write.
        output: a TSV file with a row for each base, `-` for standard output, or a `.npz` file.
        plots: folder for a picture of each.
    """
    if output.lower().endswith(".npz"):
        everything = list(found)
        _write_arrays(everything, output)
    else:
        everything, found = [], iter(found)
        first = list(islice(found, 1))  # a failure leaves no line of column names on standard output
        with open_text_output(output) as file:
            file.write("\t".join(COLUMNS) + "\n")
            for explanation in chain(first, found):
                file.writelines("\t".join(row) + "\n" for row in _rows(explanation))
                everything.append(explanation)
    if plots is not None:
        _draw(everything, plots)
    return [explanation.agreement for explanation in everything]


def _rows(explanation: Explanation) -> Iterator[list[str]]:
    for index, base in enumerate(explanation.bases):
        numbers = explanation.attention[index], explanation.importance[index], *explanation.changes[index]
        place = [explanation.name, str(index - TSS_INDEX), base, f"{explanation.score:.4f}"]
        yield [*place, *(f"{number:z.4f}" for number in numbers)]


def _write_arrays(found: list[Explanation], output: str) -> None:
    arrays = {
        "names": np.array([each.name for each in found], dtype=np.str_),
        "bases": np.array([each.bases for each in found], dtype=np.str_),
        "scores": np.array([each.score for each in found], dtype=np.float32),
        "attention": np.array([each.attention for each in found], dtype=np.float32).reshape(-1, WINDOW),
        "importance": np.array([each.importance for each in found], dtype=np.float32).reshape(-1, WINDOW),
        "changes": np.array([each.changes for each in found], dtype=np.float32).reshape(-1, WINDOW, len(LETTERS)),
    }
    with atomic_path(output) as path, write_errors(output), path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def _draw(found: list[Explanation], folder: Path) -> None:
    from promscan.plots.logo import plot_explanation

    with write_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
    for number, each in enumerate(found, start=1):
        safe = re.sub(r"[^A-Za-z0-9_+-]", "_", each.name)[:80]
        path = folder / f"{number:04d}_{safe}.svg"
        plot_explanation(
            each.name, each.bases, -TSS_INDEX, each.importance, each.changes, each.attention, path
        )  # fmt: skip
