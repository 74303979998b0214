"""Head for places: what trains it, how it is run, and what weights it may start from."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from genomes import random_bases
from test_lanes import random_lanes, random_network

from promscan.errors import InputError, ModelError
from promscan.inference.lanes import LaneNetwork
from promscan.inference.settings import EngineSettings
from promscan.inference.streaming import StreamingEngine
from promscan.networks.classifier import Architecture, BiGRUAttention
from promscan.seq import dna
from promscan.seq.records import Chunk
from promscan.train.loop.run import starting_model
from promscan.train.loop.trainer import new_classifier
from promscan.train.place_loss import place_loss

CPU = torch.device("cpu")
SIZES = {"hidden": 12, "convolutions": 1, "composition": (100,), "half_life": 32}


def with_places() -> BiGRUAttention:
    return random_network(Architecture(**SIZES, place=5))


def without_places(model: BiGRUAttention) -> BiGRUAttention:
    """The same network without its head for places."""
    plain = BiGRUAttention(Architecture(**SIZES)).eval()
    plain.load_state_dict({k: v for k, v in model.state_dict().items() if not k.startswith("place.")})
    return plain


def test_the_place_of_a_window_is_read_from_the_states_of_its_tss() -> None:
    model = with_places()
    codes = torch.from_numpy(random_lanes(2 * 200 + 80, 2).T.copy())
    with torch.inference_mode():
        logits, places = model.along_with_places(codes, 200, 140)
        states = model.run_gru(model.features(codes)[:, 60:-60])
    assert places is not None
    assert places.shape == logits.shape == (2, 11)
    torch.testing.assert_close(places, model.place(states[:, 140 + 33 : 140 + 33 + 11]).squeeze(-1), rtol=0, atol=1e-4)


@pytest.mark.parametrize("width", [1, 75])
def test_lanes_give_the_places_that_were_trained_and_do_not_average_them(width: int) -> None:
    model = with_places()
    codes = random_lanes(2 * 350 + 4 * 70, 3)
    with torch.inference_mode():
        _, expected = model.along_with_places(torch.from_numpy(codes.T.copy()), 350, 280)
        lanes = LaneNetwork(model, CPU)
        logits, places = lanes.smoothed_logits(torch.from_numpy(codes), 350, 280, width)
    assert expected is not None
    assert places is not None
    assert places.shape == logits.shape == (210, 3)
    assert expected.std() > 0.1
    torch.testing.assert_close(places, expected[:, :210].T, rtol=0, atol=1e-4)


def test_a_head_for_places_moves_no_bit_of_the_logits() -> None:
    model = with_places()
    codes = torch.from_numpy(random_lanes(2 * 350 + 4 * 70, 3))
    with torch.inference_mode():
        logits, _ = LaneNetwork(model, CPU).smoothed_logits(codes, 350, 280, 75)
        plain, none = LaneNetwork(without_places(model), CPU).smoothed_logits(codes, 350, 280, 75)
    assert none is None
    assert not logits[70:].isnan().all()  # windows of unknown bases have no mean
    assert np.array_equal(logits.numpy(), plain.numpy(), equal_nan=True)


@pytest.mark.parametrize("stride", [1, 3])
def test_tracks_carry_places_in_the_order_of_the_genome(stride: int) -> None:
    """A chunk and its reverse complement have the places of the other strand, backwards."""
    model, codes = with_places(), dna.encode(random_bases(3001, 1)).copy()
    codes[1000:1080] = 4
    settings = EngineSettings(threads=1, stride=stride)
    tracks = {}
    for name, read in (("forward", codes), ("backward", np.where(codes == 4, 4, codes ^ 1)[::-1].copy())):
        with StreamingEngine(model, [CPU], settings) as engine:
            (tracks[name],) = engine.score([Chunk("c", 0, read)])
    for track in tracks["forward"]:
        assert track.places is not None
        assert track.places.shape == track.logits.shape
        assert np.array_equal(np.isnan(track.places), np.isnan(track.logits))
    if stride == 1:
        plus, minus = tracks["forward"][0].places, tracks["backward"][1].places
        np.testing.assert_allclose(plus, minus[::-1], atol=1e-4)


def test_tracks_of_a_network_without_the_head_have_no_places() -> None:
    with StreamingEngine(without_places(with_places()), [CPU], EngineSettings(threads=1)) as engine:
        (tracks,) = engine.score([Chunk("c", 0, dna.encode(random_bases(500, 2)))])
    assert [track.places for track in tracks] == [None, None]


def test_the_place_loss_is_the_cross_entropy_among_the_bases_around() -> None:
    places = torch.randn(2, 30, generator=torch.Generator().manual_seed(1))
    targets = torch.zeros(2, 30)
    targets[0, 1], targets[1, 20] = 1, 0.5
    first = places[0, 1] - torch.logsumexp(places[0, :5], 0)
    second = places[1, 20] - torch.logsumexp(places[1, 17:24], 0)
    assert place_loss(places, targets, 3).item() == pytest.approx(-(first + 0.5 * second).item() / 1.5, rel=1e-5)


def test_other_listed_bases_do_not_compete() -> None:
    places = torch.zeros(1, 9)
    targets = torch.zeros(1, 9)
    targets[0, 4] = targets[0, 5] = 1
    assert place_loss(places, targets, 2).item() == pytest.approx(math.log(4))


def test_a_batch_without_listed_bases_has_no_place_loss() -> None:
    places = torch.zeros(1, 9, requires_grad=True)
    loss = place_loss(places, torch.zeros(1, 9))
    loss.backward()
    assert loss.item() == 0
    assert places.grad is not None
    assert not places.grad.any()


def test_weights_without_the_head_can_begin_a_training_with_it() -> None:
    plain = without_places(with_places())
    grown = new_classifier(Architecture(**SIZES, place=5), plain)
    assert all(torch.equal(values, grown.state_dict()[name]) for name, values in plain.state_dict().items())


def test_weights_with_the_head_do_not_lose_it(monkeypatch: pytest.MonkeyPatch) -> None:
    model = with_places()
    load = lambda _: (model, None)  # noqa: E731
    assert starting_model(load, "x", Architecture(**SIZES, place=5))[0] is model
    for place in (0, 4):
        with pytest.raises(ModelError, match="of another architecture"):
            starting_model(load, "x", Architecture(**SIZES, place=place))


def test_cards_without_places_are_those_of_networks_without_the_head() -> None:
    assert Architecture(**SIZES).place == 0
    assert not hasattr(without_places(with_places()), "place")


def test_a_place_in_the_logit_is_the_sum_of_both_in_training_and_in_lanes() -> None:
    apart = with_places()
    summed = BiGRUAttention(Architecture(**SIZES, place=5, place_in_logit=True)).eval()
    summed.load_state_dict(apart.state_dict())
    codes = random_lanes(2 * 350 + 4 * 70, 3)
    with torch.inference_mode():
        logits, places = apart.along_with_places(torch.from_numpy(codes.T.copy()), 350, 280)
        trained, none = summed.along_with_places(torch.from_numpy(codes.T.copy()), 350, 280)
        scanned, nothing = LaneNetwork(summed, CPU).logits_and_places(torch.from_numpy(codes), 350, 280)
    assert places is not None
    assert none is None
    assert nothing is None
    torch.testing.assert_close(trained, logits + places)
    torch.testing.assert_close(scanned, trained[:, :210].T, rtol=0, atol=1e-4)


def test_a_place_in_the_logit_needs_a_head_for_places() -> None:
    with pytest.raises(InputError, match="place_in_logit"):
        Architecture(**SIZES, place_in_logit=True)
