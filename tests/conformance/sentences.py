"""The sentences of SEMANTICS as sentences.txt holds them, and how a quotation finds the ones it means."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

PATH = Path(__file__).resolve().parent / "sentences.txt"
ENTRY = re.compile(r"(?P<reason>~ )?(?P<item>[1-6][^:]*): (?P<text>.+)")
NOT_BUILT = "  not built: "
SHORTEST_QUOTATION = 12  # of a further sentence into which a quotation runs on


@dataclass
class Sentence:
    item: str  # "3", "1.4", "2 hosts", "4 drop"
    text: str
    claims: bool  # false for a reason, evidence or history
    not_built: str | None = None
    tests: list[str] = field(default_factory=list)

    @property
    def section(self) -> str:
        return self.item[0]


def plain(text: str) -> str:
    """The words alone: without emphasis, code marks and what parts the cells of a row, in one spacing."""
    text = re.sub(r"[*`⚑\\]", "", text)
    return " ".join(re.sub(r"(^| )\|(?= |$)", " ", text).split())


def read(path: Path = PATH) -> list[Sentence]:
    """Raises ValueError, with its place, for a line that is neither."""
    sentences: list[Sentence] = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        if line.startswith(NOT_BUILT) and sentences and sentences[-1].claims:
            sentences[-1].not_built = line[len(NOT_BUILT):]
            continue
        entry = ENTRY.fullmatch(line)
        if not entry:
            raise ValueError(f"{path.name}:{number}: expected `ITEM: TEXT`, `~ ITEM: TEXT` or `{NOT_BUILT}REASON`")
        sentences.append(Sentence(entry["item"], entry["text"], claims=not entry["reason"]))
    return sentences


class Quotations:
    """Finds the sentences that a quotation means: the one at whose beginning (or that of a cell, or behind its first
    colon or a bracket) it begins, and every further one into which it runs."""

    def __init__(self, sentences: list[Sentence]):
        self._texts: dict[str, str] = {}
        self._spans: dict[str, list[tuple[int, int, Sentence]]] = {}
        self._starts: dict[str, list[int]] = {}
        for sentence in sentences:
            text = self._texts.get(sentence.item, "")
            begin = len(text)
            starts = self._starts.setdefault(sentence.item, [])
            for cell in sentence.text.split(" | "):
                label, colon, _ = plain(cell).partition(": ")
                starts += [len(text), len(text) + len(label + colon), len(text) + label.startswith("(")]
                text += plain(cell) + " "
            self._texts[sentence.item] = text
            self._spans.setdefault(sentence.item, []).append((begin, len(text) - 1, sentence))

    def find(self, item: str, quotation: str) -> list[Sentence]:
        """Empty where none begins so."""
        words = plain(quotation)
        text = self._texts.get(item, "")
        for start in self._starts.get(item, []) if words else []:
            if text.startswith(words, start):
                return self._within(item, start, start + len(words))
        return []

    def _within(self, item: str, start: int, end: int) -> list[Sentence]:
        found = []
        for begin, finish, sentence in self._spans[item]:
            quoted = min(end, finish) - max(start, begin)
            first = begin <= start < finish
            if sentence.claims and quoted > 0 and (first or quoted >= min(SHORTEST_QUOTATION, finish - begin)):
                found.append(sentence)
        return found


def differences(sentences: list[Sentence], document: str) -> list[str]:
    """Where the document's sections 1 to 6 and sentences.txt differ: at most the first place, with both texts."""
    wanted = "".join(words_of(document))
    held = "".join(plain(sentence.text).replace(" ", "") for sentence in sentences)
    if wanted == held:
        return []
    place = len(os.path.commonprefix([wanted, held]))
    around = slice(max(0, place - 40), place + 40)
    return [f"without its spaces, SEMANTICS has “{wanted[around]}”, sentences.txt “{held[around]}”"]


def words_of(document: str) -> list[str]:
    """The words of sections 1 to 6 in reading order, without what sentences.txt says by its items: headings, numbers
    of items, the tables' heads and their dialects or ranks."""
    words: list[str] = []
    section = ""
    for line in document.splitlines():
        heading = re.match(r"## ([1-6])\.", line)
        if heading:
            section = heading[1]
        elif section and line.startswith("|"):
            words += plain(row_text(line, section)).split()
        elif section:
            line = re.sub(r"^(\d\. |- |\*\*RPZ\.\*\* )", "", line)
            words += plain(line).split()
    return words


def row_text(line: str, section: str) -> str:
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    if cells[0] in ("Dialect", "rank", "Mode") or set(cells[0]) == {"-"}:
        return ""
    return " | ".join(cells if section == "4" else cells[1:])
