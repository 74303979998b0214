"""Write what `benchmarks/gpu/pack` packed as the files that `promscan train genome` reads.

python benchmarks/gpu/unpack.py .gpu FOLDER
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from packed import read_packed, write_fasta
from training import merged_starts


def main() -> None:
    packed, folder = map(Path, sys.argv[1:])
    manifest = json.loads((packed / "manifest.json").read_text())
    write_fasta(folder / "genome.fa", read_packed(packed / "genome.npz"))
    held_out = [*manifest["dev"], *manifest["leave_out"]]
    added = merged_starts(packed / "tss.bed", packed / "rampage_tss.bed", held_out, folder / "starts.bed")
    print(f"{added} starts of RAMPAGE added")
    for file in [*packed.glob("promoters*"), *packed.glob("drop_*")]:
        shutil.copyfile(file, folder / file.name)
    if (packed / "checkpoint").is_dir():
        shutil.copytree(packed / "checkpoint", folder / "checkpoint")


if __name__ == "__main__":
    main()
