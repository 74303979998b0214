"""The kernels for CUDA say what the steps that they stand for say.

Where there is no CUDA, Triton's interpreter runs them on the CPU, and its compiler still builds them for the GPUs that
they are meant for.
"""

import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from test_lanes import random_lanes, random_network

from promscan import inference
from promscan.inference import lanes
from promscan.inference.gru import Cell, cells_of
from promscan.inference.lanes import LaneNetwork, sum_windows
from promscan.inference.stem import stem_of
from promscan.networks.classifier import Architecture

pytest.importorskip("triton", minversion="3.6")

import triton
from triton.runtime.errors import OutOfResources, PTXASError

from promscan.inference import kernels
from promscan.networks import kernel_options

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
HALF = torch.bfloat16 if torch.cuda.is_available() else torch.float16
"""The interpreter does not know products of bfloat16."""


@pytest.fixture(autouse=True)
def product_of_the_interpreter():
    """It does not know that of three products either, and multiplies float32 as it is."""
    product = kernel_options.PRODUCT if torch.cuda.is_available() else "ieee"
    with mock.patch.object(kernel_options, "PRODUCT", product):
        yield


def random_cell(hidden, dtype, half_life=0):
    model = random_network(Architecture(hidden=hidden, convolutions=1, half_life=half_life)).to(DEVICE)
    with torch.inference_mode():
        return cells_of(model, stem_of(model, dtype).basis, dtype)[0][0]


@pytest.mark.parametrize(("dtype", "off"), [(torch.float32, 1e-5), (HALF, 0.03)], ids=str)
@pytest.mark.parametrize(("hidden", "lanes"), [(16, 16), (64, 32), (40, 21), (5, 3)])
@pytest.mark.parametrize("half_life", [0, 20])
def test_a_fused_cell_takes_the_same_steps(hidden, lanes, half_life, dtype, off):
    exact = random_cell(hidden, torch.float64, half_life)
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(75, hidden + 5, lanes, generator=generator).to(DEVICE)
    state = torch.rand(hidden, lanes, generator=generator).to(DEVICE)
    with torch.inference_mode():
        fused = kernels.fused(random_cell(hidden, dtype, half_life))
        assert type(fused) is kernels.FusedCell
        for before in (None, state):
            expected = exact.run(inputs.double(), None if before is None else before.double())
            states = fused.run(inputs.to(dtype), None if before is None else before.to(dtype))
            assert states.shape == (75, hidden, lanes)
            assert expected.std() > 0.1
            assert (states - expected).abs().max() < off


def test_window_sums_are_the_same_bits():
    """The same terms in the same order."""
    block, following = torch.rand(2, 70, 7, 45, generator=torch.Generator().manual_seed(1)).to(DEVICE)
    expected = sum_windows(block.clone(), following)
    assert (kernels.sum_windows(block, following) == expected).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "architecture",
    [Architecture(hidden=16), Architecture(hidden=24, layers=2, convolutions=1, context=4, half_life=20)],
    ids=str,
)
def test_a_network_says_the_same_with_kernels(architecture):
    model = random_network(architecture)
    codes = torch.from_numpy(random_lanes(2 * 280 + 3 * 70, 20)).to(DEVICE)
    with torch.inference_mode():
        network = LaneNetwork(model, torch.device("cpu"))
        expected = network.logits(codes.cpu(), 280, 70)
        fast = LaneNetwork(model, DEVICE)
        fast.use_kernels()
        assert fast.by_kernels
        assert type(fast.layers[0][1]) is kernels.FusedCell
        logits = fast.logits(codes, 280, 70).cpu()
    assert logits.shape == (140, 20)
    assert expected.std() > 0.1
    assert (logits - expected).abs().max() < 1e-4


def test_the_bits_of_a_lane_do_not_depend_on_its_column():
    cell = random_cell(24, torch.float32)
    inputs = torch.randn(20, 29, 37, generator=torch.Generator().manual_seed(1)).to(DEVICE)
    order = torch.from_numpy(np.random.default_rng(1).permutation(37)).to(DEVICE)
    with torch.inference_mode():
        fused = kernels.fused(cell)
        assert (fused.run(inputs[:, :, order]) == fused.run(inputs)[:, :, order]).all()


def told_without_kernels(caplog, hidden=16):
    """The reason that two networks on a device give, once, before they run by plain steps."""
    lanes._warn_without_kernels.cache_clear()
    model = random_network(Architecture(hidden=hidden))
    codes = torch.from_numpy(random_lanes(3 * 70, 4)).to(DEVICE)
    with caplog.at_level(logging.WARNING, "promscan"), torch.inference_mode():
        expected = LaneNetwork(model, torch.device("cpu")).logits(codes.cpu(), 0, 0)
        for _ in range(2):
            network = LaneNetwork(model, DEVICE)
            network.use_kernels()
            assert not network.by_kernels
            assert type(network.layers[0][0]) is type(network.layers[0][1]) is Cell
            assert (network.logits(codes, 0, 0).cpu() - expected).abs().max() < 1e-4
    (message,) = caplog.messages
    needs = re.fullmatch(
        rf"device {DEVICE} will be slow: its kernels cannot be built \((.*)\); they need (.*)", message
    )
    versions = (kernels.OLDEST, kernel_options.OLDEST_TRITON)
    oldest, oldest_triton = (".".join(map(str, version)) for version in versions)
    assert needs[2].startswith(f"compute capability {oldest}, Triton {oldest_triton}, a C compiler")
    assert needs[2].endswith(f"of at most {kernels.WIDEST} units")
    return needs[1]


@pytest.mark.parametrize(
    ("kernel", "error", "reason"),
    [
        ("window_sums", RuntimeError("Failed to find C compiler.\nName one."), "Failed to find C compiler."),
        ("window_sums", subprocess.CalledProcessError(1, "gcc"), "Command 'gcc' returned non-zero exit status 1."),
        ("window_sums", PTXASError("ptxas fatal"), "PTXAS error: ptxas fatal"),
        ("window_sums", AssertionError(), "AssertionError"),
        ("gru_steps", OutOfResources(9, 8, "shared memory"), "out of resource: shared memory, Required: 9, .*"),
    ],
)
def test_without_a_kernel_that_cannot_be_built_a_network_is_slow_and_says_so(
    monkeypatch, caplog, kernel, error, reason
):  # fmt: skip
    monkeypatch.setattr(kernels, kernel, mock.MagicMock(**{"__getitem__.side_effect": error}))
    assert re.fullmatch(reason, told_without_kernels(caplog))


def test_a_network_too_wide_for_the_kernels_says_so(caplog):
    assert told_without_kernels(caplog, hidden=129) == "a GRU of 129 units is too wide"


def test_an_old_triton_is_reported(monkeypatch, caplog):
    monkeypatch.setattr(triton, "__version__", "3.5.1")
    assert told_without_kernels(caplog) == "Triton 3.5.1 is too old"


def test_a_machine_without_triton_is_reported(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "triton", None)
    monkeypatch.delitem(sys.modules, "promscan.inference.kernels")
    monkeypatch.delattr(inference, "kernels")
    assert "import of triton" in told_without_kernels(caplog)


def test_an_old_gpu_is_reported(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (7, 5))
    with pytest.raises(RuntimeError, match=r"compute capability 7\.5 is too low"):
        kernels.require_buildable(torch.device("cuda", 0))


@pytest.mark.slow
def test_the_kernels_are_built_for_gpus_and_fit():
    """Weights in shared memory and states in registers, but for some of what float32 takes at the largest size."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    script = Path(__file__).with_name("build_kernels.py")
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    builds = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(builds) == 14
    for build in builds:
        largest = build["units"] == 128 and build["type"] == "*fp32"
        if build["kernel"].endswith("_steps"):
            assert build["tensor_cores"], build
        assert build["spilled"] <= (64 if largest else 0), build
        if not (largest and build["capability"] == 80):
            assert build["shared"] <= {80: 163, 90: 227}[build["capability"]] * 1024, build
