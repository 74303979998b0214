"""Check that all files name one version; write what only a release knows.

    python packaging/release.py                              check the versions
    python packaging/release.py --links https://HOST/PROJECT let the links of README.md lead to the project on the web
    python packaging/release.py dist/promscan-0.1.0.tar.gz   write the checksum of the archive into the conda recipe

Exit status: 0 if all versions agree, else 1.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECIPE = ROOT / "conda-recipe" / "meta.yaml"
README = ROOT / "README.md"
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

INNER_LINK = re.compile(r"(!?)(\[[^\]\[]*\])\((?![a-z]+:|#)([^)\s]+)\)")
"""A link or picture of a Markdown page that is a path of the project."""


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


def with_addresses(page: str, project: str, version: str) -> str:
    """A page whose links lead to files of the released version: a package index has no other files of the project."""

    def address(link: re.Match[str]) -> str:
        kind = "raw" if link[1] else "blob"
        return f"{link[1]}{link[2]}({project.rstrip('/')}/{kind}/v{version}/{link[3]})"

    return INNER_LINK.sub(address, page)


def main(arguments: Sequence[str]) -> int:
    """Run the script; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archives", nargs="*", type=Path)
    parser.add_argument("--links", metavar="ADDRESS")
    options = parser.parse_args(arguments)
    found = versions()
    if len(set(found.values())) > 1 or "?" in found.values():
        for name, version in found.items():
            sys.stderr.write(f"{name}: {version}\n")
        return 1
    (version,) = set(found.values())
    if options.links:
        README.write_text(with_addresses(README.read_text(encoding="utf-8"), options.links, version), encoding="utf-8")
    for archive in options.archives:
        if archive.name != f"promscan-{version}.tar.gz":
            sys.stderr.write(f"{archive}: is not the source distribution of promscan {version}\n")
            return 1
        RECIPE.write_text(with_checksum(RECIPE.read_text(encoding="utf-8"), archive), encoding="utf-8")
    sys.stdout.write(f"promscan {version}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
