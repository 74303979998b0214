"""Count the words of prose that a user of promscan has to read.

Prose is what stands outside code blocks, tables and comments: README.md and the pages in docs/. The pages in
docs/internals/ are for developers and do not count.

    python docs/count_words.py                  the words of each page, and their sum
    python docs/count_words.py --limit 9000     also exit with 1 if there are more
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
PAGES = (DOCS.parent / "README.md", *sorted(DOCS.glob("*.md")))

_TABLE_ROW = re.compile(r"^\|.*$", re.MULTILINE)
_CODE_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_WORD = re.compile(r"\S*\w\S*")


def prose(text: str) -> str:
    """A page without code blocks, tables, comments and the targets of links."""
    for pattern in (_CODE_BLOCK, _COMMENT, _TABLE_ROW):
        text = pattern.sub("", text)
    return _LINK.sub(r"\1", text)


def count_words(text: str) -> int:
    """The words of prose in the text of a page; what holds no letter or digit is not a word."""
    return len(_WORD.findall(prose(text)))


def main() -> None:
    """Print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, metavar="N")
    limit = parser.parse_args().limit
    counts = {page: count_words(page.read_text(encoding="utf-8")) for page in PAGES}
    lines = [f"{count:6,}  {page.relative_to(DOCS.parent)}\n" for page, count in counts.items()]
    total = sum(counts.values())
    report = f"{''.join(lines)}{total:6,}  in all\n"
    if limit is not None and total > limit:
        raise SystemExit(f"{report}more than {limit:,} words of prose")
    sys.stdout.write(report)


if __name__ == "__main__":
    main()
