"""How the kernels in Triton are compiled: those that scan and those that train."""

from __future__ import annotations

import triton

LANES = 16
"""Lanes of a block of threads: the narrowest product of the tensor cores, for the most blocks."""
PRODUCT = "bf16x3"
"""How float32 is multiplied: as two bfloat16 each, on the tensor cores; logits move by less than 0.00001."""
OLDEST_TRITON = (3, 6)
"""First version that knows this product."""


def options(d: int) -> dict[str, object]:
    """Compiler options for a layer of `d` units."""
    units = max(16, triton.next_power_of_2(d))
    sizes = {"D": d, "UNITS": units, "LANES": LANES}
    return {**sizes, "PRODUCT": PRODUCT, "num_warps": 4 if units <= 64 else 8, "enable_fp_fusion": True}


def require_triton() -> None:
    """Refuse a Triton that does not know the product.

    Raises:
        RuntimeError: it is too old.
    """
    if tuple(map(int, triton.__version__.split(".")[:2])) < OLDEST_TRITON:
        raise RuntimeError(f"Triton {triton.__version__} is too old")
