"""Devices by name; here the GPUs are made up."""

from __future__ import annotations

import pytest
import torch

from promscan.errors import DeviceError
from promscan.networks.device import arithmetic, resolve_devices

H200, A100 = "NVIDIA H200", "NVIDIA A100-SXM4-40GB"


@pytest.fixture
def gpus(monkeypatch):
    """Let the machine have GPUs of these models."""

    def have(*models):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: len(models))
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: models[device.index])

    return have


def test_all_devices_are_those_of_one_model(gpus):
    gpus(H200, H200)
    assert resolve_devices("all") == [torch.device("cuda", 0), torch.device("cuda", 1)]


def test_gpus_of_different_models_do_not_share_a_scan(gpus):
    gpus(H200, A100, H200)
    with pytest.raises(DeviceError, match=f"^device all: GPUs of different models .*: {H200}, {A100}; use --device"):
        resolve_devices("all")
    assert resolve_devices("cuda:1") == [torch.device("cuda", 1)]


def test_gpus_of_different_models_have_another_arithmetic(gpus):
    gpus(H200, A100, H200)
    first, second, third = (arithmetic(torch.device("cuda", index)) for index in range(3))
    assert first == third != second
    assert (first["device"], second["processor"]) == ("cuda", A100)
