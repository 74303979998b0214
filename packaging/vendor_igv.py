"""Put igv.js, with its licence, where `promscan report --igv` embeds it from.

    python packaging/vendor_igv.py               from npm
    python packaging/vendor_igv.py igv-3.8.10.tgz     from this archive of npm

A release runs it before it builds; in a clone, run it once. Its files are not part of the repository. The archive is
checked against the sha512 that the registry published. Exit status: 0 if the files are there, else 1.
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

VERSION = "3.8.10"
SHA512 = "foqT9SJHoKvVXl7euYUsOy7XMs1nTrPeJMQbGRp7qWU7a6HzF345FER/nHUTdsL5cumaoAe19gDmJYsEHO08rw=="
FOLDER = Path(__file__).resolve().parent.parent / "promscan" / "commands" / "reporting" / "vendor"
FILES = {"package/dist/igv.min.js": "igv.min.js", "package/LICENSE": "igv.LICENSE"}
"""Files of the archive, and their names here."""
LARGEST = 10_000_000
"""Bytes of a file."""


def fetch(folder: Path) -> Path:
    """The archive, from npm."""
    command = ["npm", "pack", f"igv@{VERSION}", "--silent", "--pack-destination", str(folder)]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    return folder / f"igv-{VERSION}.tgz"


def unpack(archive: Path, target: Path) -> None:
    """Write the files of an archive.

    Raises:
        ValueError: it is not the archive of this version.
    """
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode("ascii")
    if digest != SHA512:
        raise ValueError(f"{archive.name}: is not igv {VERSION}: its sha512 is {digest}")
    target.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as tar:
        for name, own in FILES.items():
            member = tar.getmember(name)
            content = tar.extractfile(member) if member.isfile() and member.size <= LARGEST else None
            if content is None:
                raise ValueError(f"{archive.name}: {name} is no file, or too large")
            (target / own).write_bytes(content.read())


def main(arguments: Sequence[str], target: Path = FOLDER) -> int:
    """Run the script; returns the exit status."""
    try:
        with TemporaryDirectory() as folder:
            unpack(Path(arguments[0]) if arguments else fetch(Path(folder)), target)
    except (OSError, ValueError, KeyError, tarfile.TarError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"igv {VERSION} cannot be had: {error}\n")
        return 1
    sys.stdout.write(f"igv {VERSION}: {target}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
