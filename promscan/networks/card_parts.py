"""Typed parts of a model card. Free of torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from promscan.errors import InputError
from promscan.networks.architecture import MAX_PARTS
from promscan.networks.card_fields import Fields
from promscan.seq import dna
from promscan.seq.bounds import MAX_BP, MAX_INSERT, check_number, check_whole

DISTANCES = ("clearance", "false_beyond", "tolerance", "opposite_reach")
"""Names of the distances of a `Scale`, in its card and in the header of hits."""

MAX_DOUBLINGS = 8
"""Bins of a screening network on each side; the widest of eight covers 4,480 bp."""
MAX_LAYERS = 8
MAX_HIDDEN = 1024
MIN_ALIGNED = 50
"""Least length in bp of a construct that is aligned at its boxes, and of what a network reads around them."""


@dataclass(frozen=True)
class Scale:
    """Distances on the genome that depend on the species, and its usual rate of false positives. Defaults: human.

    clearance: background lies at least this far (bp) from every known TSS.
    false_beyond: a hit farther (bp) than this from every known TSS of its strand is false.
    tolerance: a known TSS is found by a hit of its strand at most this far (bp) from it.
    opposite_reach: background at most this far (bp) from a TSS of the other strand has a weight of its own in training.
    fp_per_mb: false positives per Mb that a scan calls at by default.

    Raises:
        InputError: a value is out of range.
    """

    clearance: int = 1000
    false_beyond: int = 500
    tolerance: int = 100
    opposite_reach: int = 500
    fp_per_mb: float = 10.0

    def __post_init__(self) -> None:
        for name in DISTANCES:
            check_whole(name, getattr(self, name), 0, MAX_BP)
        check_number("fp_per_mb", self.fp_per_mb, 1e-6, 1e6)

    @classmethod
    def parse(cls, fields: Fields) -> Scale:
        """The scale from its part of a card."""
        distances = {name: fields.whole(name, getattr(cls, name), least=0, most=MAX_BP) for name in DISTANCES}
        scale = cls(**distances, fp_per_mb=fields.number("fp_per_mb", cls.fp_per_mb, least=1e-6, most=1e6))
        fields.finish()
        return scale

    def unusual_distances(self) -> dict[str, str]:
        """The distances that are not the defaults, as the header of hits has them."""
        return {name: str(getattr(self, name)) for name in DISTANCES if getattr(self, name) != getattr(Scale, name)}


@dataclass(frozen=True)
class ScreeningSizes:
    """Sizes of a screening network.

    doublings: bins on each side of the cell that an estimate is about, each twice as wide as the one before.
    hidden: units of its hidden layers.

    Raises:
        InputError: a size is out of range.
    """

    doublings: int = 5
    hidden: tuple[int, ...] = (64, 32)

    def __post_init__(self) -> None:
        check_whole("doublings", self.doublings, 1, MAX_DOUBLINGS)
        check_whole("hidden layers", len(self.hidden), 1, MAX_LAYERS)
        for width in self.hidden:
            check_whole("hidden", width, 1, MAX_HIDDEN)

    @property
    def reach(self) -> int:
        """Cells that the network sees on each side of a cell."""
        return (1 << self.doublings) - 1

    @classmethod
    def parse(cls, fields: Fields) -> ScreeningSizes:
        """The sizes from their part of a card."""
        sizes = cls(
            fields.whole("doublings", least=1, most=MAX_DOUBLINGS), fields.wholes("hidden", least=1, most=MAX_HIDDEN)
        )
        fields.finish()
        return sizes


@dataclass(frozen=True)
class Screening:
    """How a scan is screened: a quick estimate says which windows could be hits, and only these are scored.

    margin: the estimate may fall short of the calling logit by at most this much.
    lowest: the lowest calling logit that the margin holds for.
    basis: how the margin was measured, in words.
    network: sizes of the screening network of a streaming model; None: the estimate is a streaming pass of a model of
        single windows.
    floors: pairs of a calling logit and the lowest estimate of what could be a hit there, both ascending; they come
        with a network, and go before the margin. A network without floors screens no scan: grades read its estimates.
    """

    margin: float
    lowest: float
    basis: str = ""
    network: ScreeningSizes | None = None
    floors: tuple[tuple[float, float], ...] = ()

    def floor(self, threshold: float) -> float | None:
        """The estimate below which a window cannot be a hit at this logit; None below the lowest one."""
        if threshold < self.lowest or (self.network is not None and not self.floors):
            return None
        measured = [estimate for logit, estimate in self.floors if logit <= threshold]
        return measured[-1] if measured else threshold - self.margin

    @classmethod
    def parse(cls, fields: Fields) -> Screening:
        """The screening from its part of a card."""
        sizes = fields.part("network")
        try:
            network = None if sizes is None else ScreeningSizes.parse(sizes)
        except InputError as error:
            raise fields.refuse("network", f"is none: {error}") from error
        logits, estimates = (fields.numbers(name) if name in fields else () for name in ("logits", "estimates"))
        if len(logits) != len(estimates) or list(logits) != sorted(logits) or list(estimates) != sorted(estimates):
            raise fields.refuse("logits", "and estimates must be lists of one length, both ascending")
        basis = fields.text("basis", "", lines=True)
        floors = tuple(zip(logits, estimates, strict=True))
        screening = cls(fields.number("margin", least=0), fields.number("lowest"), basis, network, floors)
        fields.finish()
        return screening

    def describe(self) -> dict[str, Any]:
        """The part as JSON has it."""
        values: dict[str, Any] = {"margin": self.margin, "lowest": self.lowest, "basis": self.basis}
        if self.network is not None:
            values["network"] = {"doublings": self.network.doublings, "hidden": list(self.network.hidden)}
        if self.floors:
            logits, estimates = zip(*self.floors, strict=True)
            values |= {"logits": list(logits), "estimates": list(estimates)}
        return values


@dataclass(frozen=True)
class Construct:
    """An insert of at most `insert` bp between two flanks; the defaults are those of de Boer 2020.

    shortest: length in bp of the shortest insert that the model knows (None: all have `insert` bp).
    tss_index: place of the TSS, counted from the first base of an insert of full length, which is 0; it may lie behind
        the insert. None: the model does not say it.
    window: bp that a network reads around the -10 box of sigma 70, at which constructs are aligned (None: it reads the
        whole construct, aligned at the 3' end).
    """

    five_prime: str = "TGCATTTTTTTCACATC"
    three_prime: str = "GGTTACGGCTGTT"
    insert: int = 80
    shortest: int | None = None
    tss_index: int | None = None
    window: int | None = None

    def __post_init__(self) -> None:
        if self.insert == 0:
            raise InputError("the insert must have a length, got 0")
        check_whole("insert", self.insert, 1, MAX_INSERT)
        if self.shortest is not None:
            check_whole("shortest", self.shortest, 1, self.insert)
        if self.tss_index is not None:
            check_whole("tss_index", self.tss_index, self.insert - (self.shortest or self.insert), MAX_INSERT)
        for flank in (self.five_prime, self.three_prime):
            if len(flank) > MAX_INSERT:
                raise InputError(f"a flank must have at most {MAX_INSERT} bp, not {len(flank)}")
            dna.encode(flank)

        if self.window is not None:
            check_whole("window", self.window, MIN_ALIGNED, MAX_INSERT)
            check_whole("construct to be aligned, in bp,", self.length, MIN_ALIGNED, 3 * MAX_INSERT)

    @property
    def length(self) -> int:
        """Length of the construct in bp."""
        return len(self.five_prime) + self.insert + len(self.three_prime)

    @property
    def read(self) -> int:
        """Bases that a network reads at least."""
        return self.length if self.window is None else self.window

    @classmethod
    def parse(cls, fields: Fields) -> Construct:
        """The construct from its part of a card."""
        parts = {name: fields.text(name) for name in ("five_prime", "three_prime")}
        insert = fields.whole("insert", least=1, most=MAX_INSERT)
        shortest = fields.optional("shortest", lambda name: fields.whole(name, least=1, most=insert))
        tss_index = fields.optional("tss_index", lambda name: fields.whole(name, least=0, most=MAX_INSERT))
        window = fields.optional("window", lambda name: fields.whole(name, least=MIN_ALIGNED, most=MAX_INSERT))
        fields.finish()
        try:
            return cls(**parts, insert=insert, shortest=shortest, tss_index=tss_index, window=window)
        except ValueError as error:
            raise fields.refuse("five_prime", f"or three_prime: {error}") from error

    def describe(self) -> dict[str, Any]:
        """The construct as JSON has it, without what the card does not say."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


@dataclass(frozen=True)
class StrengthPart:
    """The meaning of the scores of a strength model.

    unit: unit of the scores, one of the units of the network.
    reporter: construct that the scores are about.
    domain: what was measured, in words.
    scale: values that a score can take, in words.
    teacher: model that predicted a part of the training data, in words.
    lowest, highest: ends of the unit, where the card says them; no insert can have another strength.
    reporters: constructs of the units that were measured in another one, by unit.
    hits: unit of the strengths of hits in a genome; empty: `unit`.
    """

    unit: str
    reporter: Construct
    domain: str = ""
    scale: str = ""
    teacher: str = ""
    lowest: float | None = None
    highest: float | None = None
    reporters: Mapping[str, Construct] = field(default_factory=dict)
    hits: str = ""

    @classmethod
    def parse(cls, fields: Fields) -> StrengthPart:
        """The strength from its part of a card."""
        reporter = fields.part("reporter")
        if reporter is None:
            raise fields.refuse("reporter", "is missing: it says which construct a strength is about")
        others = fields.named_parts("reporters", most=MAX_PARTS)
        reporters = {unit: Construct.parse(part) for unit, part in others.items()}
        lowest, highest = (fields.optional(name, fields.number) for name in ("lowest", "highest"))
        part = cls(
            fields.text("unit"), Construct.parse(reporter), lowest=lowest, highest=highest, reporters=reporters,
            hits=fields.text("hits", ""), domain=fields.text("domain", ""), scale=fields.text("scale", ""),
            teacher=fields.text("teacher", ""),
        )  # fmt: skip
        fields.finish()
        if lowest is not None and highest is not None and lowest >= highest:
            raise fields.refuse("lowest", f"must be less than highest, got {lowest:g} and {highest:g}")
        return part

    def describe(self) -> dict[str, Any]:
        """The part as JSON has it, without what the card does not say."""
        words = {name: getattr(self, name) for name in ("hits", "domain", "scale", "teacher") if getattr(self, name)}
        others = {unit: construct.describe() for unit, construct in self.reporters.items()}
        constructs = {"reporter": self.reporter.describe()} | ({"reporters": others} if others else {})
        ends = {name: getattr(self, name) for name in ("lowest", "highest") if getattr(self, name) is not None}
        return {"unit": self.unit, **constructs, **words, **ends}

    def construct_of(self, unit: str) -> Construct:
        """The construct that a unit was measured in."""
        return self.reporters.get(unit, self.reporter)

    @property
    def constructs(self) -> dict[str, Construct]:
        """The constructs by their names in the card."""
        others = {f"strength.reporters.{unit}": construct for unit, construct in self.reporters.items()}
        return {"strength.reporter": self.reporter} | others
