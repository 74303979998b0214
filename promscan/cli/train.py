"""`promscan train`: make weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from promscan import log
from promscan.cli.options import quiet_option

if TYPE_CHECKING:
    from promscan.model import Architecture
    from promscan.train.strength import StrengthRecipe

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
SIZES = ("hidden", "layers", "convolutions", "kernel", "dropout")


def size_options(*, hidden: int = 256, convolutions: int = 0, dropout: float = 0.3) -> Decorator:
    """Sizes of the network, with these defaults."""
    positive = click.IntRange(min=1)
    return _all_of(
        click.option("--hidden", type=positive, default=hidden, show_default=True, help="GRU units a direction."),
        click.option("--layers", type=positive, default=1, show_default=True, help="Stacked GRU layers."),
        click.option(
            "--convolutions", type=click.IntRange(min=0), default=convolutions, show_default=True,
            help="Convolution blocks before the GRU.",
        ),
        click.option("--kernel", type=positive, default=9, show_default=True, help="Their width in bp; odd."),
        click.option(
            "--dropout", type=click.FloatRange(0, 1, max_open=True), default=dropout, show_default=True,
            help="Share of activations dropped in training.",
        ),
    )  # fmt: skip


def step_options(*, averaging: float = 0.0) -> Decorator:
    """How every training steps, whatever it learns, with this default."""
    return _all_of(
        click.option("--weight-decay", type=float, default=0.01, show_default=True, help="Of AdamW."),
        click.option("--clip", type=float, default=1.0, show_default=True, help="Largest norm of a gradient."),
        click.option(
            "--averaging", type=click.FloatRange(0, 1, max_open=True), default=averaging, show_default=True,
            help="Decay of a moving average of the weights, which is then what is kept; 0: none.",
        ),
        click.option(
            "--precision", type=click.Choice(["auto", "float32", "bfloat16"]), default="auto", show_default=True,
            help="auto is bfloat16 on CUDA and float32 elsewhere.",
        ),
        click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of every random draw."),
    )  # fmt: skip


def run_options(*, species: str = "Homo sapiens") -> Decorator:
    """What every training has besides its recipe, with this default."""
    return _all_of(
        click.option("--species", default=species, show_default=True, help="For the card."),
        click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps."),
        click.option("--threads", type=click.IntRange(min=1), metavar="N", help="CPU threads.  [default: all]"),
        click.option("--resume", is_flag=True, help="Go on with the run in RUN, to the result it would have had."),
    )


def _all_of(*options: Decorator) -> Decorator:
    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _comma_list(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[str, ...]:
    return tuple(word for word in (text or "").split(",") if word)


def _widths(_context: click.Context, _option: click.Parameter, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in text.split(",") if word)
    except ValueError as error:
        raise click.BadParameter("give whole numbers with commas between") from error


def _architecture(**sizes: Any) -> Architecture:
    from promscan.model import Architecture

    try:
        return Architecture(**sizes)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


@click.group()
def train() -> None:
    """Train a model of your own."""


@train.command()
@click.argument("train_data", metavar="TRAIN")
@click.option("--dev", required=True, metavar="DEV", help="Labelled windows to choose the best epoch on.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="RUN", help="Run folder.")
@size_options()
@click.option("--learning-rate", type=float, default=1e-4, show_default=True, help="Peak of the one-cycle schedule.")
@click.option("--batch-size", type=click.IntRange(min=1), default=128, show_default=True, help="Windows a step.")
@click.option("--epochs", type=click.IntRange(min=1), default=50, show_default=True, help="At most this many.")
@click.option(
    "--patience", type=click.IntRange(min=1), default=15, show_default=True,
    help="Stop after this many epochs without a better dev AUC.",
)  # fmt: skip
@click.option(
    "--sampler", type=click.Choice(["balanced", "shuffled"]), default="balanced", show_default=True,
    help="balanced: as many promoters as others in every batch.",
)  # fmt: skip
@click.option(
    "--reverse-complement/--no-reverse-complement", default=True, show_default=True,
    help="Turn each window around by coin flip. The model then cannot tell the strands apart.",
)  # fmt: skip
@click.option(
    "--label-smoothing", type=click.FloatRange(0, 1, max_open=True), default=0.0, show_default=True,
    help="Move labels this far towards 1/2.",
)  # fmt: skip
@step_options()
@click.option("--init", metavar="NAME|PATH", help="Start from these weights (of the same sizes), not from random ones.")
@run_options()
@quiet_option
def windows(
    train_data: str,
    dev: str,
    output: Path,
    species: str,
    device: str,
    threads: int | None,
    resume: bool,
    init: str | None,
    quiet: bool,
    **recipe: Any,
) -> None:
    """Train a classifier on labelled 70-bp windows; the defaults are the founding recipe.

    TRAIN and DEV are CSV or TSV files with columns 'sequence' and 'label' (0 or 1), or two FASTA files joined by a
    comma: PROMOTERS.fa,OTHERS.fa. RUN receives the configuration, the metrics of every epoch, the best and the last
    weights with their cards, and plots.

    \b
    promscan train windows train.csv --dev dev.csv -o runs/mine
    promscan score test.csv --model runs/mine/best.safetensors
    """
    log.configure(quiet=quiet)
    from promscan.datasets import read_windows
    from promscan.train.windows import WindowRecipe, train_windows

    sizes = {key: recipe.pop(key) for key in SIZES}
    train_windows(
        read_windows(train_data),
        read_windows(dev),
        output,
        WindowRecipe(architecture=_architecture(**sizes), **recipe),
        device=device,
        threads=threads,
        init=init,
        resume=resume,
        species=species,
    )


@train.command()
@click.argument("sequences", metavar="SEQS")
@click.option(
    "--held-out", multiple=True, metavar="FILE",
    help="Labelled windows of dev and test: sequences that share 25 bp with one are not used. May be repeated.",
)  # fmt: skip
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="RUN", help="Run folder.")
@size_options()
@click.option("--learning-rate", type=float, default=2e-3, show_default=True, help="Peak of the one-cycle schedule.")
@click.option("--batch-size", type=click.IntRange(min=2), default=128, show_default=True, help="Windows a step.")
@click.option("--epochs", type=click.IntRange(min=1), default=10, show_default=True, help="Exactly this many.")
@click.option(
    "--windows-per-epoch", type=click.IntRange(min=2), default=48_000, show_default=True, help="Drawn anew each time."
)  # fmt: skip
@click.option(
    "--reverse-complement/--no-reverse-complement", default=True, show_default=True,
    help="Turn each window around by coin flip.",
)  # fmt: skip
@step_options()
@run_options()
@quiet_option
def pretrain(
    sequences: str,
    held_out: tuple[str, ...],
    output: Path,
    species: str,
    device: str,
    threads: int | None,
    resume: bool,
    quiet: bool,
    **recipe: Any,
) -> None:
    """Learn what unlabelled sequence looks like, as a start for 'promscan train windows --init'.

    SEQS is FASTA, or a CSV or TSV file with a column 'sequence': promoters with their flanks, say, each of 70 bp or
    more. The model learns to tell windows cut from them from windows with pieces of random bases, and which bases these
    are. That needs no labels, and takes the place of many labelled windows.

    \b
    promscan train pretrain promoters.fa --held-out dev.csv --held-out test.csv -o runs/start
    promscan train windows train.csv --dev dev.csv --init runs/start/last.safetensors -o runs/mine
    """
    log.configure(quiet=quiet)
    from promscan.datasets import read_unlabelled, read_windows
    from promscan.train.pretrain import PretrainRecipe, train_unlabelled

    sizes = {key: recipe.pop(key) for key in SIZES}
    train_unlabelled(
        read_unlabelled(sequences),
        [read_windows(path) for path in held_out],
        output,
        PretrainRecipe(architecture=_architecture(**sizes), **recipe),
        device=device,
        threads=threads,
        resume=resume,
        species=species,
    )


@train.command()
@click.argument("sequences", metavar="GENOME")
@click.argument("starts", metavar="TSS")
@click.option(
    "--dev", required=True, metavar="NAMES", callback=_comma_list,
    help="Contigs to choose the best epoch on, commas between; chr9 also stands for all chr9:...",
)  # fmt: skip
@click.option(
    "--leave-out", metavar="NAMES", callback=_comma_list,
    help="Contigs not to use, for a test later.",
)  # fmt: skip
@click.option("--positives", metavar="TABLE", help="More promoters, pasted over listed ones; needs --positives-tss.")
@click.option(
    "--positives-tss", type=click.IntRange(min=0), metavar="N", help="0-based place of the start in each of them."
)  # fmt: skip
@click.option(
    "--drop", multiple=True, metavar="FILE",
    help="70-bp sequences, one a line: positives that hold one are left out. May be repeated.",
)  # fmt: skip
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="RUN", help="Run folder.")
@size_options(hidden=64, convolutions=1, dropout=0.1)
@click.option(
    "--composition", default="100,300,1000,2500", show_default=True, metavar="BP,...", callback=_widths,
    help="Widths around a window whose base composition is known.",
)  # fmt: skip
@click.option(
    "--context", type=click.IntRange(min=0), default=32, show_default=True,
    help="Learned features whose means in 100-bp bins are known, 300 bp to each side of a window.",
)  # fmt: skip
@click.option(
    "--half-life", type=click.IntRange(min=0), default=32, show_default=True, metavar="BP",
    help="A state loses half of what it held in so many bases, at the latest; 0: no such limit.",
)  # fmt: skip
@click.option("--learning-rate", type=float, default=2e-3, show_default=True, help="Peak of the one-cycle schedule.")
@click.option("--batch-size", type=click.IntRange(min=2), default=32, show_default=True, help="Segments a step.")
@click.option("--epochs", type=click.IntRange(min=1), default=20, show_default=True, help="Exactly this many.")
@click.option(
    "--segments-per-epoch", type=click.IntRange(min=1), default=8000, show_default=True, help="Drawn anew each time."
)
@click.option("--windows", type=click.IntRange(min=1), default=512, show_default=True, help="Of a segment.")
@click.option(
    "--near", type=click.IntRange(min=0), default=10, show_default=True,
    help="A window with its tss at most so many bp from a start is a promoter.",
)  # fmt: skip
@click.option(
    "--ignored", type=click.IntRange(min=0), default=100, show_default=True,
    help="Another at most so many bp from it counts for nothing.",
)  # fmt: skip
@click.option(
    "--opposite-weight", type=click.FloatRange(min=0), default=3.0, show_default=True,
    help="Weight of background within 500 bp of a start of the other strand.",
)  # fmt: skip
@click.option(
    "--dev-bases", type=click.IntRange(min=1), default=4_000_000, show_default=True,
    help="How much of the dev contigs an epoch is judged on.",
)  # fmt: skip
@click.option(
    "--mining-bases", type=click.IntRange(min=1), default=4_000_000, show_default=True,
    help="How much is searched for false calls before an epoch.",
)  # fmt: skip
@step_options(averaging=0.998)
@click.option("--init", metavar="NAME|PATH", help="Start from these weights (of the same sizes), not from random ones.")
@run_options()
@quiet_option
def genome(
    sequences: str,
    starts: str,
    dev: tuple[str, ...],
    leave_out: tuple[str, ...],
    positives: str | None,
    positives_tss: int | None,
    drop: tuple[str, ...],
    output: Path,
    composition: tuple[int, ...],
    context: int,
    half_life: int,
    species: str,
    device: str,
    threads: int | None,
    resume: bool,
    init: str | None,
    quiet: bool,
    **recipe: Any,
) -> None:
    """Train a model that scans, from a genome and its known transcription starts.

    GENOME is FASTA. TSS is BED of six columns: a transcription start is the start of an interval, on the strand in
    column 6. Every position of the genome is learned from, on both strands, and an epoch is judged by the recall at 10,
    50 and 100 false hits per Mb of the dev contigs.

    \b
    promscan train genome genome.fa tss.bed --dev chr9,chr17 --leave-out chr10 -o runs/mine
    promscan scan other.fa -o hits.bed --model runs/mine/best.safetensors
    """
    if (positives is None) != (positives_tss is None) or (drop and positives is None):
        raise click.UsageError("--positives needs --positives-tss, and the other way round; --drop needs both")
    log.configure(quiet=quiet)
    from promscan.datasets import read_promoters
    from promscan.train.genome import GenomeRecipe, train_genome
    from promscan.train.segments import SegmentRecipe
    from promscan.tss import read_labelled_genome

    sizes = {key: recipe.pop(key) for key in SIZES}
    segments = {key: recipe.pop(key) for key in ("windows", "near", "ignored", "opposite_weight")}
    promoters = None if positives is None or positives_tss is None else read_promoters(positives, positives_tss, drop)
    train_genome(
        read_labelled_genome(sequences, starts),
        promoters,
        output,
        GenomeRecipe(
            architecture=_architecture(**sizes, composition=composition, context=context, half_life=half_life),
            segments=SegmentRecipe(**segments),
            **recipe,
        ),
        dev=dev,
        leave_out=leave_out,
        device=device,
        threads=threads,
        init=init,
        resume=resume,
        species=species,
    )


def _tables(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> list[tuple[str, str]]:
    pairs = [(name, path) for name, equals, path in (text.partition("=") for text in texts) if name and path]
    if len(pairs) < len(texts):
        raise click.BadParameter("give NAME=FILE")
    return pairs


def _shares(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> dict[str, float]:
    try:
        shares = {name: float(share) for name, _, share in (text.partition("=") for text in texts)}
    except ValueError as error:
        raise click.BadParameter("give NAME=NUMBER") from error
    if shares and (min(shares.values()) < 0 or sum(shares.values()) <= 0):
        raise click.BadParameter("shares must not be negative, nor all zero")
    return shares


FOUNDING_STRENGTH = {"hidden": 256, "bins": 0, "learning_rate": 0.005}
"""What `--arch gru` changes in the defaults."""


def _strength_recipe(units: tuple[str, ...], length: int, chosen: dict[str, Any]) -> StrengthRecipe:
    from promscan.expression import ExpressionArchitecture
    from promscan.train.strength import StrengthRecipe

    kind = chosen.pop("arch")
    chosen = {key: value for key, value in chosen.items() if value is not None}
    chosen = (FOUNDING_STRENGTH if kind == "gru" else {}) | chosen
    named = (*chosen["shares"], chosen.get("unit"), *chosen["comparable"])
    unknown = [name for name in named if name and name not in units]
    if unknown:
        raise click.UsageError(f"no table has the unit {unknown[0]!r}; there are {', '.join(units)}")
    sizes = {key: chosen.pop(key) for key in ("hidden", "kernel", "dropout", "bins") if key in chosen}
    try:
        architecture = ExpressionArchitecture(kind=kind, length=length, units=units, **sizes)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    return StrengthRecipe(architecture=architecture, **chosen)


@train.command()
@click.argument("table", required=False)
@click.option(
    "--table", "tables", multiple=True, metavar="NAME=FILE", callback=_tables,
    help="A table and the name of its unit; tables of one unit share a head. May be repeated.",
)  # fmt: skip
@click.option(
    "--held-out", multiple=True, metavar="FILE",
    help="A table that the model will be judged on: families that it shares are not used. May be repeated.",
)  # fmt: skip
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="RUN", help="Run folder.")
@click.option("--five-prime", default="TGCATTTTTTTCACATC", show_default=True, metavar="BASES", help="5' flank.")
@click.option("--three-prime", default="GGTTACGGCTGTT", show_default=True, metavar="BASES", help="3' flank.")
@click.option(
    "--insert", type=click.IntRange(min=20), default=80, show_default=True, metavar="BP",
    help="Longest insert; longer sequences lose their 5' end.",
)  # fmt: skip
@click.option(
    "--arch", type=click.Choice(["convolution", "gru"]), default="convolution", show_default=True,
    help="convolution, or the founding gru.",
)  # fmt: skip
@click.option(
    "--hidden", type=click.IntRange(min=4), metavar="N",
    help="Motifs of the first convolution, or units of the gru.  [default: 64; gru: 256]",
)  # fmt: skip
@click.option(
    "--kernel", type=click.IntRange(min=1), default=11, show_default=True, help="Width of the motifs in bp; odd."
)
@click.option(
    "--dropout", type=click.FloatRange(0, 1, max_open=True), default=0.1, show_default=True,
    help="Share of activations dropped before the heads.",
)  # fmt: skip
@click.option(
    "--bins", type=click.IntRange(min=0), metavar="N",
    help="Bins whose probabilities a head learns; 0: only the mean.  [default: 33; gru: 0]",
)  # fmt: skip
@click.option(
    "--learning-rate", type=float, metavar="X",
    help="Peak of the one-cycle schedule.  [default: 0.003; gru: 0.005]",
)  # fmt: skip
@click.option("--batch-size", type=click.IntRange(min=2), default=256, show_default=True, help="Rows a step.")
@click.option("--epochs", type=click.IntRange(min=1), default=20, show_default=True, help="At most this many.")
@click.option(
    "--rows-per-epoch", type=click.IntRange(min=1), metavar="N",
    help="The next epoch goes on where this one ends.  [default: all rows]",
)  # fmt: skip
@click.option(
    "--share", "shares", multiple=True, metavar="NAME=X", callback=_shares,
    help="How much of an epoch a unit is, beside the others.  [default: by its rows]",
)  # fmt: skip
@click.option(
    "--unit",
    metavar="NAME",
    help="The unit of the scores, by which the best epoch is chosen.  [default: the first]",
)
@click.option(
    "--comparable", multiple=True, metavar="NAME",
    help="A unit on the scale of --unit: the uncertainty of scores is fitted on both alike. May be repeated.",
)  # fmt: skip
@click.option(
    "--dev-share", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.1, show_default=True,
    help="Share of the families to choose on.",
)  # fmt: skip
@click.option(
    "--test-share", type=click.FloatRange(0, 1, max_open=True), default=0.1, show_default=True,
    help="Share of the families that is used for nothing, for a test later.",
)  # fmt: skip
@click.option(
    "--patience", type=click.IntRange(min=1), default=5, show_default=True,
    help="Stop after this many epochs without a better dev correlation.",
)  # fmt: skip
@step_options(averaging=0.999)
@click.option("--init", metavar="NAME|PATH", help="Start from these weights (of the same sizes), not from random ones.")
@run_options(species="Saccharomyces cerevisiae")
@quiet_option
def strength(
    table: str | None,
    tables: list[tuple[str, str]],
    held_out: tuple[str, ...],
    output: Path,
    five_prime: str,
    three_prime: str,
    insert: int,
    species: str,
    device: str,
    threads: int | None,
    resume: bool,
    init: str | None,
    quiet: bool,
    **recipe: Any,
) -> None:
    """Train a model that tells expression from sequence.

    TABLE is a CSV or TSV file with columns 'sequence' and 'expression' and, if you like, 'weight' and 'set'. A
    sequence is an insert between two flanks of a reporter. Whatever shares 20 bp, by chains, is one family, and is
    never divided between training, dev and test.

    \b
    promscan train strength measured.tsv -o runs/mine
    promscan score designs.tsv --model runs/mine/best.safetensors
    """
    named = [("expression", table)] if table else []
    named += tables
    if not named:
        raise click.UsageError("give a TABLE, or --table NAME=FILE")
    log.configure(quiet=quiet)
    from promscan.measurements import read_measurements
    from promscan.reporter import Reporter
    from promscan.train.strength import train_strength

    try:
        reporter = Reporter(five_prime, three_prime, insert)
    except ValueError as error:
        raise click.UsageError(f"a flank is no sequence: {error}") from error
    made = _strength_recipe(tuple(dict.fromkeys(name for name, _ in named)), reporter.length, recipe)
    train_strength(
        [read_measurements(path, name, reporter) for name, path in named],
        output,
        made,
        held_out=[read_measurements(path, "", reporter) for path in held_out],
        reporter=reporter,
        device=device,
        threads=threads,
        init=init,
        resume=resume,
        species=species,
    )
