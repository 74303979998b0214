"""Check that all files name one version, and write the checksum of a source distribution into the conda recipe.

    python packaging/release.py                              check the versions
    python packaging/release.py dist/promscan-0.1.0.tar.gz   check them, and write the checksum

Exit status: 0 if all versions agree, else 1.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECIPE = ROOT / "conda-recipe" / "meta.yaml"
VERSIONS = {
    "promscan/__init__.py": r'^__version__ = "(.+)"$',
    "CITATION.cff": r"^version: (.+)$",
    "conda-recipe/meta.yaml": r'set version = "(.+)" %}$',
    "packaging/galaxy/macros.xml": r'<token name="@TOOL_VERSION@">(.+)</token>$',
    "packaging/nextflow/modules/nf-core/promscan/scan/environment.yml": r'^  - "bioconda::promscan=(.+)"$',
    "workflow/envs/promscan.yaml": r"^  - promscan=(.+)$",
    "workflow/envs/promscan-gpu.yaml": r"^  - promscan=(.+)$",
    "config/config.yaml": r"^container: .+/promscan:(.+)--pyhdfd78af_0$",
}
"""Files with the version, and where it stands in each."""
CHECKSUM = re.compile(r'(set sha256 = ")[0-9a-f]{64}(" %}$)', re.MULTILINE)


def versions() -> dict[str, str]:
    """The version that each file names; a question mark where it names none or several."""
    found = {}
    for name, pattern in VERSIONS.items():
        named = re.findall(pattern, (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
        found[name] = named[0] if len(named) == 1 else "?"
    return found


def with_checksum(recipe: str, archive: Path) -> str:
    """The conda recipe with the checksum of a source distribution."""
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    text, count = CHECKSUM.subn(rf"\g<1>{digest}\g<2>", recipe)
    if count != 1:
        raise ValueError(f"{RECIPE}: expected one line with a checksum, found {count}")
    return text


def main(arguments: Sequence[str]) -> int:
    """Run the script; returns the exit status."""
    found = versions()
    if len(set(found.values())) > 1 or "?" in found.values():
        for name, version in found.items():
            sys.stderr.write(f"{name}: {version}\n")
        return 1
    (version,) = set(found.values())
    for argument in arguments:
        archive = Path(argument)
        if archive.name != f"promscan-{version}.tar.gz":
            sys.stderr.write(f"{archive}: is not the source distribution of promscan {version}\n")
            return 1
        RECIPE.write_text(with_checksum(RECIPE.read_text(encoding="utf-8"), archive), encoding="utf-8")
    sys.stdout.write(f"promscan {version}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
