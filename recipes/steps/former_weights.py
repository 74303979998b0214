"""Write the weights of a model, with their card, as a commit of this checkout had bundled them.

A model that went on from former weights needs them, and they are bundled no more.

    python -m recipes.steps.former_weights human --commit 2eb0414 -o human.former.safetensors
"""

from __future__ import annotations

import subprocess

from benchmarks.common import ROOT, parser_of
from promscan.io.files import atomic_path


def bundled_at(commit: str, file: str) -> bytes:
    """The bytes of a file in `weights/` at a commit; stops with one line if the checkout does not know it."""
    shown = subprocess.run(
        ["git", "-C", str(ROOT), "show", f"{commit}:weights/{file}"], capture_output=True, check=False
    )
    if shown.returncode:
        reason = shown.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise SystemExit(f"weights/{file} of commit {commit} is not in this checkout ({reason}): clone its history")
    return shown.stdout


def main() -> None:
    parser = parser_of(__doc__, "output")
    parser.add_argument("name", help="Name of the model.")
    parser.add_argument("--commit", required=True, help="Commit that had bundled it.")
    arguments = parser.parse_args()
    for suffix in (".safetensors", ".json"):
        with atomic_path(arguments.output.with_suffix(suffix)) as temporary:
            temporary.write_bytes(bundled_at(arguments.commit, arguments.name + suffix))


if __name__ == "__main__":
    main()
