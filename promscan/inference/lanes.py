"""A network arranged for columns: many lanes of sequence side by side, one step a base.

Tensors hold one lane a column, (features, lanes), as the recurrence needs them (`cells`). A window by itself is a lane
of 70 bases. In the streaming form, the states run on along lanes of any length.

The context of a window is a mean of states, weighted by `e_t = exp(score_t)`. In a lane cut into blocks of 70
positions, a window is the end of one block and the beginning of the next, so its sums are a sum from the right inside
the one plus a sum from the left inside the other: no sum is longer than 70 terms, in a lane of any length.

    block   |...............|...............|
    window            [-----+--------)
                      sum ->|<- sum
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from promscan.errors import ModelError
from promscan.inference.gru import Cell, cells_of
from promscan.inference.head import Around, Attention, Context, Head, Places
from promscan.inference.stem import stem_of
from promscan.inference.unknown_ends import NEAR, UnknownEnds, state_after
from promscan.inference.work_units import copies
from promscan.log import logger
from promscan.networks.classifier import BiGRUAttention
from promscan.seq.dna import UNKNOWN
from promscan.seq.windows import MAX_UNKNOWN, TSS_INDEX, WINDOW

SMALLER = (16, 32)
"""Lanes of units that are smaller than others, on a CPU."""
LARGEST_SCORE = 40.0
"""exp of an attention score up to this can be summed in float32, for scores of either sign."""


class LaneNetwork:
    """A `BiGRUAttention` arranged for columns.

    Args:
        model: the network, in evaluation mode.
        device: where it runs.
        dtype: of states and weights in the recurrence; everything else is float32.

    Attributes:
        by_kernels: whether the kernels for CUDA run it; they round differently.
    """

    def __init__(self, model: BiGRUAttention, device: torch.device, dtype: torch.dtype = torch.float32) -> None:
        self.model, self.device, self.dtype = model.to(device).eval(), device, dtype
        with torch.inference_mode():
            self.stem = stem_of(self.model, dtype)
            self.layers = cells_of(self.model, self.stem.basis, dtype)
            self.attention, self.head = Attention(self.model), Head(self.model)
            self.context = Context(self.model, self.stem.basis) if self.model.architecture.context else None
            self.places = Places(self.model) if self.model.architecture.place else None
        self._known_ends = dict[tuple[int, int], UnknownEnds]()
        self._alike: list[int] | None = None
        self._sum_windows = sum_windows
        self.by_kernels = False
        if device.type == "cuda":
            with torch.cuda.device(device):
                self.use_kernels()

    def use_kernels(self) -> None:
        """Run by the kernels for CUDA from here on, if all of them can be built; if not, that is said."""
        try:
            from promscan.inference import kernels  # needs Triton, which comes with torch for CUDA, where it can

            kernels.require_buildable(self.device)
            self.layers = [(kernels.fused(forward), kernels.fused(backward)) for forward, backward in self.layers]
            self._sum_windows, self.by_kernels = kernels.sum_windows, True
        except Exception as error:  # noqa: BLE001 - compilers and drivers fail in many ways, and none is needed
            _warn_without_kernels(self.device, str(error).strip().partition("\n")[0] or type(error).__name__)

    def window_logits(self, codes: Tensor) -> Tensor:
        """Logits (n,), float32, of windows by themselves; their codes are (70, n), uint8, on the device."""
        inputs, (forward, backward) = self._below_the_last(self.stem.columns(codes))
        states = torch.cat([forward.run(inputs), backward.run(inputs.flip(0)).flip(0)], dim=1).float()
        weights = torch.softmax(self.attention.scores(states), dim=0)
        return self.head.logits((weights * states).sum(dim=0, keepdim=True)).squeeze(0)

    def logits(self, codes: Tensor, margin: int, warm_up: int, *, unknown_ends: bool = False) -> Tensor:
        """Logits of the windows of lanes, for a network that passed `require_streamable`.

        Args:
            codes: (margin + 70 * (blocks + 1) + margin, lanes), uint8, on the device.
            margin: positions at both ends that no window starts in, at least `warm_up` and the reach of the network.
            warm_up: how many of them bring the states into shape; divisible by 70.
            unknown_ends: all bases of both margins are unknown, and the network has one layer: what they do is not
                computed again.

        Returns:
            (70 * blocks, lanes), float32, for the windows that start at `margin` and after it.
        """
        return self.logits_and_places(codes, margin, warm_up, unknown_ends=unknown_ends)[0]

    def logits_and_places(
        self,
        codes: Tensor,
        margin: int,
        warm_up: int,
        part: tuple[int, int] | None = None,
        *,
        unknown_ends: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """What `logits` returns, and the places of the same windows; None if they have none of their own.

        part: the windows to score, whole blocks, from the first up to the last, which is not among them (None: all).
            Their values do not depend on it; a direction ends with the last block that they need.
        """
        architecture, (begin, end) = self.model.architecture, part or (0, len(codes) - WINDOW - 2 * margin)
        inner, ends = max(warm_up, architecture.context_reach), UnknownEnds()
        if unknown_ends:
            inner = -(-max(inner, NEAR) // WINDOW) * WINDOW
            ends = self._ends(inner, warm_up)
        run, seen = (NEAR, architecture.stem_reach) if unknown_ends else (inner, 0)
        columns = self.stem.columns(codes[margin - run - seen : len(codes) - (margin - run - seen)])
        columns = columns[seen : len(columns) - seen]
        around = Around(
            self.model.counted(codes[begin : 2 * margin + end + WINDOW], margin),
            None if self.context is None else self.context.sums(columns, ends.before, ends.after),
            inner + begin,
        )
        warm = NEAR if unknown_ends else warm_up
        inputs = columns[run - warm : len(columns) - (run - warm)]
        inputs, (forward, backward) = self._below_the_last(inputs)
        state = state_after(forward, inputs[:warm], ends.forward)
        left = forward.run(inputs[warm : warm + end + WINDOW], state)
        return self._grade(left, backward, inputs[warm:], around, begin, ends.backward)

    def lanes_for(self, lanes: int, most: int) -> int:
        """Lanes of the smallest unit for this many lanes that gives each lane the bits it has in one of `most`.

        Products of few columns may be summed in another order, in some of the libraries and for some networks only. So
        it is tried, once: the order depends on the shapes, and not on the numbers.
        """
        if self.device.type != "cpu" or lanes > SMALLER[-1]:
            return most
        if self._alike is None:
            margin = max(self.model.architecture.reach, self.model.architecture.stem_reach) + WINDOW
            codes = torch.arange(2 * (margin + WINDOW)).unsqueeze(1) * torch.arange(1, most + 1) ** 2 // 7 % UNKNOWN
            full = self.logits(codes.byte(), margin, NEAR, unknown_ends=len(self.layers) == 1)
            self._alike = [
                fewer
                for fewer in SMALLER
                if fewer < most
                and torch.equal(
                    self.logits(codes[:, :fewer].byte(), margin, NEAR, unknown_ends=len(self.layers) == 1),
                    full[:, :fewer],
                )
            ]
        return next((fewer for fewer in self._alike if fewer >= lanes), most)

    def _ends(self, inner: int, warm_up: int) -> UnknownEnds:
        """The ends for these distances, which are computed once."""
        if (inner, warm_up) not in self._known_ends:  # threads that come here together compute the same
            self._known_ends[inner, warm_up] = UnknownEnds.of(self.stem, self.layers[-1], self.context, inner, warm_up)
        return self._known_ends[inner, warm_up]

    def smoothed_logits(
        self,
        codes: Tensor,
        margin: int,
        warm_up: int,
        width: int,
        part: tuple[int, int] | None = None,
        *,
        unknown_ends: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Logits averaged over `width` neighbouring windows, see `smooth`, and the places, which are not averaged.

        `margin` includes `room_to_smooth` and what `logits` needs. Everything else is as for `logits_and_places`.
        """
        room, (first, end) = room_to_smooth(width), part or (0, len(codes) - WINDOW - 2 * margin)
        begin, spare, read_by = margin - room, room - width // 2, (first, end + 2 * room)
        logits, places = self.logits_and_places(codes, begin, warm_up, read_by, unknown_ends=unknown_ends)
        if width == 1:
            return logits, places
        logits = logits[spare : len(logits) - spare]
        smoothed = smooth(logits, codes[begin + first + spare :][: len(logits) + WINDOW - 1], width)
        return smoothed, None if places is None else places[room : room + len(smoothed)]

    def _grade(
        self, left: Tensor, backward: Cell, inputs: Tensor, around: Around, first: int, state: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Run the backward direction from the far end of `inputs`, and grade windows as soon as it reaches them.

        left: states (70 * (blocks + 1), d, lanes) of the forward direction.
        around: what is around the windows from `first` on.
        first: the first window to grade, that of a block; the last ones end with `left`.
        state: the one at the far end.
        """
        following, logits, places = None, list[Tensor](), list[Tensor]()
        for begin in range(len(inputs) - WINDOW, first - 1, -WINDOW):
            block = slice(begin, begin + WINDOW)
            right = backward.run(inputs[block].flip(0), state)
            state = right[-1]
            if begin >= len(left):
                continue  # the warm-up, and what nothing reads
            states = self._states(left[block], right.flip(0))
            if self.places is not None:
                places.append(self.places.of(states[:, :-1]))
            weighted = self._weigh(states)
            if following is not None:
                sums = self._sum_windows(weighted.clone(), following)
                means = sums[:, :-1] / sums[:, -1:]
                logits.append(self.head.logits(means, around, begin - first))
            following = weighted
        logits_of_all = torch.cat(logits[::-1])
        if not places:
            return logits_of_all, None
        places_of_all = torch.cat(places[::-1])[TSS_INDEX:][: len(left) - WINDOW - first]
        if self.model.architecture.place_in_logit:
            return logits_of_all.add_(places_of_all), None
        return logits_of_all, places_of_all

    def _below_the_last(self, inputs: Tensor) -> tuple[Tensor, tuple[Cell, Cell]]:
        """What the last GRU layer gets of the inputs of the first one, and its cells."""
        *lower, last = self.layers
        for forward, backward in lower:
            states = [forward.run(inputs), backward.run(inputs.flip(0)).flip(0)]
            inputs = torch.cat([*states, torch.ones_like(inputs[:, :1])], dim=1)
        return inputs, last

    def _states(self, left: Tensor, right: Tensor) -> Tensor:
        """States of both directions (70, d, lanes) in one tensor, with room for their weights: (70, 2d + 1, lanes)."""
        d = left.shape[1]
        states = torch.empty(len(left), 2 * d + 1, left.shape[2], device=self.device)
        states[:, :d], states[:, d:-1] = left, right
        return states

    def _weigh(self, states: Tensor) -> Tensor:
        """The states times their weights, which are in the last row: (70, 2d + 1, lanes)."""
        states[:, -1:] = self.attention.scores(states[:, :-1]).exp_()
        states[:, :-1] *= states[:, -1:]
        return states


@cache
def _warn_without_kernels(device: torch.device, reason: str) -> None:
    """Once, however many networks there are."""
    logger.warning(
        "device %s will be slow: its kernels cannot be built (%s); they need compute capability 8.0, Triton 3.6, a C "
        "compiler, Python's headers, and a GRU that fits into shared memory, of at most 128 units",
        device,
        reason,
    )


def networks_on(
    devices: Sequence[torch.device], model: BiGRUAttention, precision: str
) -> dict[torch.device, LaneNetwork]:
    """A copy of the network on each device; `bfloat16` is the only precision that is not float32."""
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    return {device: LaneNetwork(copy, device, dtype) for device, copy in copies(model, devices).items()}


def require_streamable(model: BiGRUAttention) -> None:
    """Raise ModelError if the attention scores of a network could leave the range of float32 sums."""
    largest = float(model.attention_score.weight.detach().abs().sum())
    if largest > LARGEST_SCORE:
        raise ModelError(
            f"attention scores of this network reach {largest:.0f}, and only {LARGEST_SCORE:.0f} can be streamed: its "
            "training has diverged; train it anew with a smaller --learning-rate"
        )


def room_to_smooth(width: int) -> int:
    """Positions on each side of windows whose logits are averaged over `width`: whole blocks."""
    return -(-(width // 2) // WINDOW) * WINDOW


def smooth(logits: Tensor, codes: Tensor, width: int) -> Tensor:
    """Means of the logits of `width` neighbouring windows; those with more than 7 unknown bases do not count.

    Every mean has a sum of its own, because running sums would round differently in every lane.

    Args:
        logits: (windows + width - 1, lanes).
        codes: their bases, (windows + width - 1 + 69, lanes), uint8.
        width: odd.

    Returns:
        (windows, lanes); nothing of use for a window that does not count itself.
    """
    unknown = F.pad(torch.cumsum(codes == UNKNOWN, dim=0, dtype=torch.int32), (0, 0, 1, 0))
    counted = (unknown[WINDOW:] - unknown[:-WINDOW] <= MAX_UNKNOWN).float()
    return mean_of_counted(logits, counted, width)


def mean_of_counted(logits: Tensor, counted: Tensor, width: int) -> Tensor:
    """Means over `width` neighbouring rows, but for what does not count.

    Args:
        logits: (windows + width - 1, lanes), finite.
        counted: 1 for what counts, else 0, of the same shape and type.
        width: odd.

    Returns:
        (windows, lanes); NaN where nothing counts.
    """
    means = F.avg_pool1d(torch.stack([logits * counted, counted]).transpose(1, 2), width, stride=1)
    result: Tensor = (means[0] / means[1]).T
    return result


def sum_windows(block: Tensor, following: Tensor) -> Tensor:
    """Sums over the windows that start in `block`, which is used up for them; both are (70, features, lanes)."""
    sums = block.unbind(0)
    for position in range(WINDOW - 2, -1, -1):
        sums[position].add_(sums[position + 1])
    beginning = torch.zeros_like(sums[0])
    for position in range(1, WINDOW):
        sums[position].add_(beginning.add_(following[position - 1]))
    return block
