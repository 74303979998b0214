"""Build the kernels for GPUs that need not be there, and tell as JSON, a line each, what they take."""

import itertools
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from promscan.inference import kernels
from promscan.networks import fading_gru_kernels as training
from promscan.networks import kernel_options
from promscan.seq.windows import WINDOW

ALIGNED = [["tt.divisibility", 16]]
NUMBERS = {"steps": "i32", "lanes": "i32", "ceiling": "fp32"}
SIZES = ("D", "UNITS", "LANES", "PRODUCT")


def build(kernel, capability, signature, constants, aligned, **options):
    names = list(signature)
    constants = {name: constants[name] for name in names if signature[name] == "constexpr"}
    options = {name: value for name, value in options.items() if name not in signature}
    source = ASTSource(kernel, signature, constants, {(names.index(name),): ALIGNED for name in aligned})
    built = triton.compile(source, GPUTarget("cuda", capability, 32), options)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.cubin"
        path.write_bytes(built.asm["cubin"])
        reader = [triton.knobs.nvidia.cuobjdump.path, "-res-usage", path]
        told = subprocess.run(reader, capture_output=True, text=True, check=True).stdout
    row = {
        "kernel": kernel.fn.__name__,
        "type": signature[names[0]],
        "units": constants.get("D"),
        "capability": capability,
        **options,
        "shared": built.metadata.shared,
        "registers": int(re.search(r"REG:(\d+)", told)[1]),
        "spilled": int(re.search(r"STACK:(\d+)", told)[1]),
        "tensor_cores": "mma" in built.asm["ptx"],
    }
    sys.stdout.write(json.dumps(row) + "\n")


def main():
    for capability in (80, 90):
        for type_name, d in itertools.product(("fp32", "bf16"), (64, kernels.WIDEST)):
            chosen = kernel_options.options(d)
            signature = dict.fromkeys(["inputs", "weights", "states"], "*" + type_name)
            signature |= NUMBERS | dict.fromkeys(SIZES, "constexpr")
            aligned = ["inputs", "weights", "states", "lanes"]
            build(kernels.gru_steps, capability, signature, chosen, aligned, **chosen)
        for steps in (training.forward_steps, training.backward_steps):
            chosen = kernel_options.options(training.WIDEST)
            tensors = [name for name in steps.arg_names if name not in (*NUMBERS, *chosen)]
            signature = dict.fromkeys(tensors, "*fp32") | NUMBERS | dict.fromkeys(SIZES, "constexpr")
            build(steps, capability, signature, chosen, [*tensors, "lanes"], **chosen)
        signature = {"block": "*fp32", "following": "*fp32", "size": "i32"}
        signature |= dict.fromkeys(["WINDOW", "VALUES"], "constexpr")
        sizes = {"WINDOW": WINDOW, "VALUES": kernels.VALUES}
        build(kernels.window_sums, capability, signature, sizes, list(signature)[:3], enable_fp_fusion=True)


if __name__ == "__main__":
    main()
