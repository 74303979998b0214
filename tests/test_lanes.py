"""Streaming form of a network: what a lane computes is what the layers say, window by window, state by state."""

import copy

import numpy as np
import pytest
import torch

from promscan.errors import ModelError
from promscan.inference.lanes import LaneNetwork, require_streamable
from promscan.inference.stem import POSITIONS_AT_ONCE, base_table, stem_of
from promscan.networks.classifier import Architecture, BiGRUAttention
from promscan.networks.composition import compositions
from promscan.networks.weights import load_model

ARCHITECTURES = [
    Architecture(hidden=16),
    Architecture(hidden=40, convolutions=2, kernel=5),
    Architecture(hidden=24, layers=2),
    Architecture(hidden=128),
    Architecture(hidden=24, convolutions=1, half_life=20),
    Architecture(hidden=24, layers=2, half_life=8),
]


def random_network(architecture, seed=1):
    """Random weights, large enough that logits differ and attention prefers some positions."""
    torch.manual_seed(seed)
    model = BiGRUAttention(architecture).eval()
    with torch.no_grad():
        for name, values in model.named_parameters():
            if values.dim() == 2 and not name.startswith("gru"):
                values *= 4 if name.startswith(("attention_score", "head")) else 3
    return model


def random_lanes(positions, lanes, seed=1):
    return np.random.default_rng(seed).integers(0, 5, (positions, lanes), dtype=np.uint8)


def run(model, codes, warm_up, device="cpu"):
    with torch.inference_mode():
        network = LaneNetwork(model, torch.device(device))
        return network.logits(torch.from_numpy(codes).to(device), warm_up, warm_up).cpu().numpy()


def run_directly(model, codes, warm_up):
    """The definition: states along each lane, then every window by itself, in float64."""
    exact = copy.deepcopy(model).cpu().double()
    lanes = []
    with torch.inference_mode():
        for lane in torch.from_numpy(codes.T.copy()):
            states = exact.states(lane.unsqueeze(0))[0]
            windows = states[warm_up : len(states) - warm_up - 1].unfold(0, 70, 1).transpose(1, 2)
            lanes.append(exact.head(exact.pool(windows)).squeeze(1))
    return torch.stack(lanes, dim=1).numpy()


@pytest.mark.parametrize("positions", [1, 30, POSITIONS_AT_ONCE, 2 * POSITIONS_AT_ONCE + 3])
@pytest.mark.parametrize("convolutions", [2, 3])
def test_a_stem_of_several_convolutions_computes_in_parts_what_its_layers_say(device, convolutions, positions):
    """With nothing past the ends, as the layers have it, and the same bits of a position wherever a part begins."""
    model = random_network(Architecture(hidden=16, convolutions=convolutions, kernel=9)).to(device)
    codes = torch.from_numpy(random_lanes(positions, 8)).to(device)
    with torch.inference_mode():
        stem = stem_of(model, torch.float32)
        columns = stem.columns(codes)
        expected = model.features(codes.T).permute(1, 2, 0)
        assert (stem.basis.features @ columns - expected).abs().max() < 1e-4 * expected.abs().max()
        assert torch.equal(stem.basis.ones @ columns, torch.ones(positions, 8, device=device))
        inside = slice(4 * convolutions, max(4 * convolutions, positions - 4 * convolutions - 1))
        assert torch.equal(stem.columns(codes[1:])[:-1][inside], columns[1:][:-1][inside])


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=str)
def test_windows_by_themselves_are_what_the_layers_say(device, architecture):
    model = random_network(architecture)
    codes = torch.from_numpy(random_lanes(70, 64))
    with torch.inference_mode():
        expected = copy.deepcopy(model).double()(codes.T)
        logits = LaneNetwork(model, torch.device(device)).window_logits(codes.to(device)).cpu()
    assert expected.std() > 0.1
    assert (logits - expected).abs().max() < 1e-4


@pytest.mark.parametrize("warm_up", [0, 70, 140])
@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=str)
def test_lanes_are_what_the_layers_say(device, architecture, warm_up):
    model = random_network(architecture)
    codes = random_lanes(2 * warm_up + 4 * 70, 8)
    logits = run(model, codes, warm_up, device)
    expected = run_directly(model, codes, warm_up)
    assert logits.shape == expected.shape == (210, 8)
    assert expected.std() > 0.1
    assert np.abs(logits - expected).max() < 1e-4


def test_the_original_model_in_streaming_form():
    model, _ = load_model("promoter-rnn")
    codes = random_lanes(3 * 70, 4)
    codes[codes == 4] = 0
    assert np.abs(run(model, codes, 0) - run_directly(model, codes, 0)).max() < 1e-4


def test_the_table_is_what_the_layers_before_the_gru_say():
    model = random_network(Architecture(hidden=64))
    codes = torch.from_numpy(random_lanes(70, 3).T.copy())
    with torch.inference_mode():
        assert (base_table(model)[codes.int()] - model.features(codes)).abs().max() < 1e-5


def test_sums_lose_nothing_along_a_long_lane():
    """The context of a window is as exact at the end of a lane as at its beginning."""
    model = random_network(Architecture(hidden=32))
    codes = random_lanes(70 * 120, 2)
    error = np.abs(run(model, codes, 0) - run_directly(model, codes, 0)).max(axis=1)
    assert error.max() < 1e-4
    assert error[-1000:].mean() < 3 * error[:1000].mean()


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=str)
def test_the_bits_of_a_lane_do_not_depend_on_its_column(device, architecture):
    """Regions, shards and short contigs bring lanes into other columns, beside other lanes."""
    model = random_network(architecture)
    codes = random_lanes(4 * 70, 64)
    logits = run(model, codes, 70, device)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(64)
        assert (run(model, codes[:, order].copy(), 70, device) == logits[:, order]).all()
    alone = np.full_like(codes, 4)
    alone[:, 5] = codes[:, 7]
    assert (run(model, alone, 70, device)[:, 5] == logits[:, 7]).all()


def test_bfloat16_moves_logits_only_a_little():
    model = random_network(Architecture(hidden=32))
    codes = random_lanes(4 * 70, 8)
    with torch.inference_mode():
        logits = LaneNetwork(model, torch.device("cpu"), torch.bfloat16).logits(torch.from_numpy(codes), 70, 70).numpy()
    exact = run(model, codes, 70)
    assert 0 < np.abs(logits - exact).max() < 0.1 * np.ptp(exact)


def test_attention_scores_that_float32_cannot_sum_are_refused():
    model = random_network(Architecture(hidden=16))
    with torch.no_grad():
        model.attention_score.weight.fill_(3.0)
    with pytest.raises(ModelError, match=r"reach 48, and only 40 can be streamed: .* a smaller --learning-rate"):
        require_streamable(model)


@pytest.mark.parametrize("warm_up", [70, 280])
@pytest.mark.parametrize("bins", [(100, 200, 300), (60, 325)])
def test_networks_that_see_around_windows_are_trained_as_they_are_run(warm_up, bins):
    """`BiGRUAttention.along`, which trains, and lanes, which scan, say the same."""
    sizes = Architecture(
        hidden=24, convolutions=1, composition=(100, 400), context=5, context_bins=bins, half_life=32
    )  # fmt: skip
    model = random_network(sizes)
    codes = random_lanes(2 * 300 + 4 * 70, 4)
    with torch.inference_mode():
        expected = model.along(torch.from_numpy(codes.T.copy()), 300, warm_up)[:, :210].T.numpy()
        logits = LaneNetwork(model, torch.device("cpu")).logits(torch.from_numpy(codes), 300, warm_up).numpy()
    assert expected.std() > 0.1
    assert np.abs(logits - expected).max() < 1e-4


def test_the_context_is_the_mean_of_its_features_in_bins():
    model = random_network(Architecture(hidden=8, convolutions=1, kernel=3, context=2, context_bins=(40, 300))).double()
    codes = torch.from_numpy(random_lanes(2 * 300 + 80, 1).T.copy())
    model.dropout.register_forward_hook(lambda _, inputs, output: seen.append(output))
    seen = []
    with torch.inference_mode():
        model.along(codes, 300, 0)
        marks = torch.nn.functional.gelu(model.context(model.features(codes)))[0]
    context = seen[2][0]  # after those of the embedding and of the states
    assert context.shape == (11, 8)
    for window in (0, 4, 10):
        middle = 300 + window + 35
        bins = [marks[middle + a : middle + b].mean(dim=0) for a, b in ((-300, -40), (-40, 0), (0, 40), (40, 300))]
        torch.testing.assert_close(context[window], torch.cat(bins))


@pytest.mark.parametrize("width", [70, 100, 500])
def test_composition_counts_what_is_around_a_window(width):
    codes = random_lanes(2 * 300 + 100, 3).T.copy()
    counted = compositions(torch.from_numpy(codes.T), (width,), 300).permute(2, 0, 1).numpy()
    assert counted.shape == (3, 31, 4)
    for row, first in ((0, 0), (2, 17), (1, 30)):
        middle = 300 + first + 35
        bases = "".join("ATGCN"[code] for code in codes[row, middle - width // 2 : middle + width // 2])
        following = "ATGCN"[codes[row, middle + width // 2]]
        known = width - bases.count("N")
        a, t, g, c = (bases.count(base) for base in "ATGC")
        steps = (bases + following).count("CG")
        assert counted[row, first] == pytest.approx(
            [(g + c) / known, 10 * steps / known, (g - c) / known, (a - t) / known], abs=1e-6
        )


@pytest.mark.parametrize(("windows", "bins", "step"), [(16, (40, 300), 4), (15, (40, 300), 4), (9, (50, 260), 2)])
def test_a_network_that_is_trained_reads_its_context_at_every_few_bases(windows, bins, step):
    """Without dropout, the context is the mean over those positions of a bin, and all else is as in a scan."""
    sizes = Architecture(
        hidden=8, convolutions=1, kernel=3, context=2, context_bins=bins, half_life=16, dropout=0.0
    )  # fmt: skip
    model = random_network(sizes).double()
    codes = torch.from_numpy(random_lanes(2 * 300 + 69 + windows, 2).T.copy())
    seen = []
    model.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        marks = torch.nn.functional.gelu(model.context(model.features(codes)))
        model.along(codes, 300, 70)
        model.train().along(codes, 300, 70)
    exact, coarse = seen
    torch.testing.assert_close(coarse[..., :-8], exact[..., :-8])
    assert not torch.allclose(coarse[..., -8:], exact[..., -8:])
    read = torch.zeros(len(marks[0]), dtype=torch.bool)
    read[(300 + 35 + step - 1) % step :: step] = True
    for window in range(windows):
        middle = 300 + window + 35
        inner, outer = bins
        stretches = [(-outer, -inner), (-inner, 0), (0, inner), (inner, outer)]
        means = [marks[:, middle + a : middle + b][:, read[middle + a : middle + b]].mean(dim=1) for a, b in stretches]
        torch.testing.assert_close(coarse[:, window, -8:], torch.cat(means, dim=1))


def test_a_network_of_several_convolutions_reads_its_whole_context_in_training():
    sizes = Architecture(hidden=8, convolutions=2, context=2, context_bins=(40, 300), half_life=16, dropout=0.0)
    model = random_network(sizes)
    codes = torch.from_numpy(random_lanes(2 * 300 + 80, 2).T.copy())
    with torch.inference_mode():
        torch.testing.assert_close(model.train().along(codes, 300, 70), model.eval().along(codes, 300, 70))
