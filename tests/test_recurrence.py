"""A GRU whose memory fades: the layers of torch below a ceiling, and its derivatives."""

import pytest
import torch
from torch import nn

from promscan.networks.fading_gru import FadingGRU, ceiling


def random_input(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()


@pytest.mark.parametrize("layers", [1, 2])
def test_without_a_ceiling_it_is_the_gru_of_torch(layers: int) -> None:
    torch.manual_seed(1)
    plain = nn.GRU(5, 4, layers, batch_first=True, bidirectional=True).double()
    fading = FadingGRU(5, 4, layers, 0.0, half_life=0).double()
    fading.load_state_dict(plain.state_dict())
    x = random_input(3, 150, 5)
    (states, last), (expected, expected_last) = fading(x), plain(x)
    torch.testing.assert_close(states, expected)
    torch.testing.assert_close(last, expected_last[-2:])
    weights = torch.randn_like(expected)
    gradients = torch.autograd.grad((states * weights).sum(), [x, *fading.parameters()])
    expected_gradients = torch.autograd.grad((expected * weights).sum(), [x, *plain.parameters()])
    for gradient, wanted in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(gradient, wanted)


def test_the_derivatives_below_a_ceiling() -> None:
    torch.manual_seed(2)
    gru = FadingGRU(3, 4, 1, 0.0, half_life=2).double()
    assert torch.autograd.gradcheck(lambda x: gru(x)[0], random_input(2, 6, 3))


@pytest.mark.parametrize("half_life", [1, 10, 32])
def test_a_state_halves_in_time_however_wide_its_gate_is_open(half_life: int) -> None:
    gru = FadingGRU(2, 3, 1, 0.0, half_life)
    with torch.no_grad():
        for values in gru.parameters():
            values.zero_()
        for bias in (gru.bias_ih_l0, gru.bias_ih_l0_reverse):
            bias[3:6] = 100  # the update gates: keep everything
        gru.weight_ih_l0[6:] = 1
        x = torch.zeros(1, 1 + 5 * half_life, 2)
        x[0, 0] = 1
        states = gru(x)[0][0, ::half_life, 0]
    torch.testing.assert_close(states, states[0] * 0.5 ** torch.arange(6))


def test_a_half_life_of_zero_is_no_ceiling() -> None:
    assert ceiling(0) == 1
    assert ceiling(32) ** 32 == pytest.approx(0.5)


@pytest.mark.parametrize("half_life", [0, 2])
def test_the_derivatives_across_blocks(monkeypatch: pytest.MonkeyPatch, half_life: int) -> None:
    """Gradients by input and weights, of more steps than a block has and of a last block that is not full."""
    monkeypatch.setattr("promscan.networks.fading_gru.BLOCK", 4)
    torch.manual_seed(3)
    gru = FadingGRU(2, 3, 2, 0.0, half_life).double()
    assert torch.autograd.gradcheck(lambda x, *_: gru(x)[0], (random_input(2, 10, 2), *gru.parameters()))
