"""The kernels that train on CUDA take the steps of the plain ones; without CUDA, Triton's interpreter runs them."""

from __future__ import annotations

import logging
from unittest import mock

import pytest
import torch

pytest.importorskip("triton", minversion="3.6")

from promscan.networks import fading_gru, fading_gru_kernels, kernel_options
from promscan.networks.fading_gru import FadingGRU

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


@pytest.fixture(autouse=True)
def product_of_the_interpreter(monkeypatch):
    """The interpreter does not know the product of three, and multiplies float32 as it is."""
    if DEVICE.type == "cpu":
        monkeypatch.setattr(kernel_options, "PRODUCT", "ieee")


@pytest.fixture(autouse=True)
def nothing_is_chosen_yet():
    fading_gru._steps_on.cache_clear()
    yield
    fading_gru._steps_on.cache_clear()


def results(steps, inputs, weights, of_states, ceiling):
    given = [tensor.to(of_states).requires_grad_() for tensor in (inputs, weights)]
    states = steps.apply(*given, ceiling)
    return [states.detach(), *torch.autograd.grad((states * of_states).sum(), given)]


@pytest.mark.parametrize(("hidden", "batch"), [(16, 16), (5, 3), (24, 37), (64, 16)])
@pytest.mark.parametrize("half_life", [0, 8])
@pytest.mark.parametrize("positions", [1, 9])
def test_they_compute_the_same_states_and_gradients(hidden, batch, half_life, positions):
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(positions, 2, 3 * hidden, batch, generator=generator)
    weights = torch.randn(2, 3 * hidden, hidden + 1, generator=generator) / hidden**0.5
    of_states = torch.randn(positions, 2, hidden, batch, generator=generator).to(DEVICE)
    ceiling = fading_gru.ceiling(half_life)
    exact = results(fading_gru._Steps, inputs, weights, of_states.double(), ceiling)
    fused = results(fading_gru_kernels.FusedSteps, inputs, weights, of_states, ceiling)
    for expected, got in zip(exact, fused, strict=True):
        assert got.dtype is torch.float32
        assert got.shape == expected.shape
        assert expected.abs().max() > 0.1
        torch.testing.assert_close(got.double(), expected, rtol=1e-4, atol=1e-4)


def test_a_layer_learns_by_them_as_without_them(monkeypatch):
    """Also in bfloat16 autocast, where the recurrence stays in float32."""
    torch.manual_seed(1)
    gru = FadingGRU(6, 5, 2, 0.0, 16).to(DEVICE)
    x = torch.randn(4, 12, 6, device=DEVICE)

    def gradients(steps):
        monkeypatch.setattr(fading_gru, "_steps_on", lambda *_: steps)
        with torch.autocast(DEVICE.type, dtype=torch.bfloat16):
            states = gru(x)[0]
        return [states, *torch.autograd.grad(states.square().sum(), list(gru.parameters()))]

    for expected, got in zip(*map(gradients, (fading_gru._Steps, fading_gru_kernels.FusedSteps)), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-4)


def test_they_are_used_after_they_have_shown_that_they_are_right():
    fading_gru_kernels.require_right(fading_gru._Steps, 12, DEVICE)
    with torch.inference_mode():
        fading_gru_kernels.require_right(fading_gru._Steps, 12, DEVICE)


@pytest.mark.parametrize("value", [1.01, float("nan")])
def test_kernels_that_compute_something_else_are_not_used(monkeypatch, value):
    right = fading_gru_kernels.FusedSteps

    class Wrong(right):
        @staticmethod
        def forward(ctx, inputs, weights, ceiling):
            return right.forward(ctx, inputs, weights, ceiling) * value

    monkeypatch.setattr(fading_gru_kernels, "FusedSteps", Wrong)
    with pytest.raises(RuntimeError, match="other results"):
        fading_gru_kernels.require_right(fading_gru._Steps, 12, DEVICE)


@pytest.mark.parametrize(("hidden", "version", "reason"), [(65, "3.6.0", "65 units"), (8, "3.5.1", "Triton 3.5.1")])
def test_what_the_kernels_cannot_do_is_said(monkeypatch, hidden, version, reason):
    monkeypatch.setattr(kernel_options.triton, "__version__", version)
    with pytest.raises(RuntimeError, match=reason):
        fading_gru_kernels.require_right(fading_gru._Steps, hidden, DEVICE)


def test_without_kernels_a_gpu_trains_by_plain_steps_and_says_so_once(monkeypatch, caplog):
    error = RuntimeError("Failed to find C compiler.\nName one.")
    monkeypatch.setattr(fading_gru_kernels, "require_right", mock.Mock(side_effect=error))
    monkeypatch.setattr(torch.cuda, "device", mock.MagicMock())
    with caplog.at_level(logging.WARNING, "promscan"):
        for _ in range(2):
            steps = fading_gru._steps_on(torch.device("cuda", 0), torch.float32, 8)
    assert steps is fading_gru._Steps
    assert caplog.messages == ["device cuda:0 trains slowly: its kernels cannot be used (Failed to find C compiler.)"]


def test_a_cpu_and_float64_take_plain_steps():
    assert fading_gru._steps_on(torch.device("cpu"), torch.float32, 8) is fading_gru._Steps
    assert fading_gru._steps_on(torch.device("cuda", 0), torch.float64, 8) is fading_gru._Steps
