"""The lines `// SEMANTICS ITEM: QUOTATION` of the tests, each with the test that it stands above or in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.sentences import Quotations, Sentence

ROOT = Path(__file__).resolve().parent.parent.parent
COMMENT = re.compile(r"\s*(?://|#) ?(?P<text>.*)")
LINE = re.compile(r"SEMANTICS (?P<item>[1-6](?:\.\d)?(?: [A-Za-z][A-Za-z ]*)?): ?(?P<text>.*)")
CPP_TEST = re.compile(r"^TEST(?:_F|_P)?\((\w+), (\w+)\)")
PYTHON_TEST = re.compile(r"^(\s*)def (test_\w+)\(")


@dataclass(frozen=True)
class Proof:
    file: str  # from the root of the tree
    line: int
    item: str
    quotations: tuple[str, ...]  # from the whole of a wrapped comment to its first line alone
    test: str  # "Suite.case" or "test_name"

    @property
    def name(self) -> str:
        return f"{self.file}: {self.test}"

    def sentences(self, quotations: Quotations) -> list[Sentence]:
        for quotation in self.quotations:
            found = quotations.find(self.item, quotation)
            if found:
                return found
        return []


def collect(root: Path = ROOT) -> list[Proof]:
    own = Path(__file__).resolve().parent.name
    files = [path for path in sorted((root / "tests").rglob("*"))
             if path.name.endswith(("_test.cc", "_test.py")) and own not in path.relative_to(root).parts]
    return [proof for path in files for proof in of_file(path, root)]


def of_file(path: Path, root: Path) -> list[Proof]:
    lines = path.read_text().splitlines()
    name = str(path.relative_to(root))
    proofs = []
    for index, line in enumerate(lines):
        # clang-format runs a short comment on into the next: several may stand in one line.
        comment = COMMENT.fullmatch(line)
        for found in re.finditer(r"SEMANTICS [1-6].*?(?=$| SEMANTICS [1-6])", comment["text"] if comment else ""):
            parts = LINE.fullmatch(found[0])
            if not parts:
                continue
            runs_on = found.end() == len(comment["text"])
            proofs.append(Proof(name, index + 1, parts["item"],
                                tuple(readings(parts["text"], lines[index + 1:] if runs_on else [])),
                                test_at(lines, index, path.suffix)))
    return proofs


def readings(text: str, following: list[str]) -> list[str]:
    """The text with all the comment lines that follow it up to the next such line, with one less, …, alone."""
    texts = [text]
    for line in following[:8]:
        comment = COMMENT.fullmatch(line)
        if not comment or comment["text"].startswith("SEMANTICS "):
            break
        more, marker, _ = comment["text"].partition(" SEMANTICS ")
        texts.append(texts[-1] + " " + more)
        if marker:
            break
    return texts[::-1]


def test_at(lines: list[str], index: int, suffix: str) -> str:
    """The test below a comment that stands beside tests, the one around a comment that stands in one; "" for none."""
    if suffix == ".cc":
        if not lines[index].startswith("//"):
            return next((".".join(found.groups()) for line in lines[index::-1] if (found := CPP_TEST.match(line))), "")
        return next((".".join(found.groups()) for line in lines[index:] if (found := CPP_TEST.match(line))), "")
    indentation = len(lines[index]) - len(lines[index].lstrip())
    below = next((found for line in lines[index:] if (found := PYTHON_TEST.match(line))), None)
    if below and len(below[1]) == indentation:
        return below[2]
    return next((found[2] for line in lines[index::-1] if (found := PYTHON_TEST.match(line))), "")
