import pytest
import torch
from torch import nn

from promscan.networks.classifier import Architecture, BiGRUAttention, count_parameters
from promscan.seq.windows import WINDOW


def random_codes(n: int, length: int = WINDOW) -> torch.Tensor:
    return torch.randint(0, 5, (n, length), generator=torch.Generator().manual_seed(1)).to(torch.uint8)


@pytest.mark.parametrize("architecture", [Architecture(hidden=8), Architecture(hidden=6, layers=2, convolutions=2)])
def test_one_logit_a_window(architecture: Architecture) -> None:
    model = BiGRUAttention(architecture).eval()
    assert model(random_codes(3)).shape == (3,)


def test_the_original_size_has_a_million_parameters() -> None:
    assert count_parameters(BiGRUAttention(Architecture())) == 1_087_233


def test_an_unknown_base_is_a_quarter_of_each() -> None:
    model = BiGRUAttention(Architecture(hidden=4))
    assert model.bases[4].tolist() == [0.25] * 4
    assert torch.equal(model.bases[:4], torch.eye(4))


def test_forward_follows_its_definition() -> None:
    """The formulas of the docstring, written out window by window with plain torch."""
    torch.manual_seed(3)
    model = BiGRUAttention(Architecture(hidden=5, convolutions=1, kernel=3)).eval().double()
    codes = random_codes(2)
    with torch.inference_mode():
        for row, logit in zip(codes, model(codes), strict=True):
            x = torch.stack([model.bases[code] for code in row.tolist()])
            x = model.norm(nn.functional.gelu(x @ model.embedding.weight.T + model.embedding.bias))
            block = model.stem[0]
            normed = nn.functional.pad(block.norm(x), (0, 0, 1, 1))
            y = torch.stack(
                [torch.einsum("kd,odk->o", normed[t : t + 3], block.convolution.weight) for t in range(WINDOW)]
            )
            x = x + block.pointwise(nn.functional.gelu(y + block.convolution.bias))
            h = model.gru(x[None])[0][0]
            u = torch.tanh(h @ model.attention.weight.T + model.attention.bias)
            alpha = torch.softmax((u @ model.attention_score.weight.T)[:, 0], dim=0)
            expected = model.head((alpha[:, None] * h).sum(dim=0))[0]
            assert logit.item() == pytest.approx(expected.item(), abs=1e-9)


@pytest.mark.parametrize(
    "sizes",
    [
        {"hidden": 0},
        {"layers": 0},
        {"convolutions": -1},
        {"kernel": 4},
        {"kernel": 0},
        {"dropout": 1.0},
        {"context": 3},
        {"context_bins": (300, 100)},
        {"context_bins": (0, 100)},
        {"context_bins": ()},
        {"context_bins": (20,)},
        {"half_life": -1},
    ],
)
def test_impossible_sizes_are_refused(sizes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        Architecture(**sizes)
