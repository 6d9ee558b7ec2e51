"""Search that forgives: word forms, typing errors, synonyms, parts of words.

What belongs here: how words are compared, and how well something answers a question. What can be found is said by
:mod:`warehouse.serve.portal.pages.search`. No index is kept: what a data centre has is few enough to look through.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import snowballstemmer

from warehouse.registry.synonyms import synonyms

#: Words that say nothing of what is looked for.
STOP = frozenset(
    [
        "aan",
        "als",
        "bij",
        "dan",
        "dat",
        "de",
        "deze",
        "die",
        "dit",
        "een",
        "en",
        "er",
        "gaat",
        "gedaald",
        "gestegen",
        "had",
        "heb",
        "hebben",
        "heeft",
        "het",
        "hoe",
        "hoeveel",
        "hoog",
        "hun",
        "ik",
        "in",
        "is",
        "jaar",
        "jaren",
        "laag",
        "meer",
        "mijn",
        "minder",
        "naar",
        "nederland",
        "niet",
        "nog",
        "of",
        "om",
        "ons",
        "onze",
        "ook",
        "op",
        "over",
        "per",
        "sneller",
        "te",
        "tot",
        "uit",
        "van",
        "veel",
        "voor",
        "waar",
        "wat",
        "welke",
        "wie",
        "wonen",
        "woont",
        "worden",
        "wordt",
        "ze",
        "zijn",
        "zo",
        "zoals",
        "'t",
    ]
)
#: How well one word answers another; a word that answers worse than the last is another word.
SAME, FORM, SYNONYM, BEGINS, WITHIN, TYPO = 1.0, 0.95, 0.8, 0.7, 0.5, 0.4
#: How alike two words are at least, for one to be a typing error of the other.
ALIKE = 0.75


def words_of(text: str) -> list[str]:
    """The words of a text, without capitals and accents: ``65-plussers`` is ``65`` and ``plussers``."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return re.findall(r"[a-z0-9]+", plain)


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    return _stemmer().stemWord(word)


@cache
def _stemmer() -> snowballstemmer.stemmer:
    return snowballstemmer.stemmer("dutch")


@cache
def _others() -> dict[str, frozenset[str]]:
    """For each word of a synonym, by its stem, the stems of the words that stand for it."""
    found: dict[str, set[str]] = {}
    for group in synonyms():
        stems = [[stem(w) for w in words_of(word) if w not in STOP and not w.isdigit()] for word in group]
        for one in stems:
            for part in one:
                found.setdefault(part, set()).update(other for two in stems for other in two if other != part)
    return {word: frozenset(others) for word, others in found.items()}


@dataclass(frozen=True)
class Findable:
    """Something to find.

    :param key: what it is, to whoever asks.
    :param words: of its name, in their order; they count fully, those of ``about`` for a third.
    """

    key: str
    words: tuple[str, ...]
    about: frozenset[str] = frozenset()

    @classmethod
    def of(cls, key: str, name: str, about: str = "") -> Findable:
        return cls(key, tuple(words_of(name)), frozenset(words_of(about)) - STOP)

    @property
    def name(self) -> frozenset[str]:
        return frozenset(self.words)

    def place(self, word: str) -> int:
        """Where in its name the word is: what it is about comes first, per how many of what comes last."""
        return next((at for at, own in enumerate(self.words) if _meant(word, frozenset({own}))), len(self.words))


@dataclass(frozen=True)
class Hit:
    """:param score: how well it answers, up to 1; ``words`` of the question that it answers."""

    key: str
    score: float
    words: frozenset[str]


def asked(question: str) -> list[str]:
    """The words of a question that say what is looked for; all of them where none does."""
    every = list(dict.fromkeys(words_of(question)))[:12]
    return [w for w in every if w not in STOP] or every


def find(question: Sequence[str], there: Iterable[Findable]) -> list[Hit]:
    """What answers a word of a question, the best first: what answers more of its words goes before."""
    found, items = [], list(there)
    places: dict[str, int] = {}
    vocabulary = {w for item in items for w in item.name}
    spelled = {word: _typos(word, vocabulary) for word in question}
    for item in items:
        scores = {word: max(_best(word, item.name, spelled[word]), _meant(word, item.about) / 3) for word in question}
        answered = frozenset(word for word, score in scores.items() if score)
        if answered:
            found.append(Hit(item.key, sum(scores.values()) / len(question), answered))
            places[item.key] = min(item.place(word) for word in answered)
    return sorted(found, key=lambda hit: (-round(hit.score, 2), places[hit.key]))


def _best(word: str, words: frozenset[str], typos: frozenset[str]) -> float:
    if meant := _meant(word, words):
        return meant
    if len(word) >= 3 and any(w.startswith(word) for w in words):
        return BEGINS
    if len(word) >= 3 and any(word in w for w in words):
        return WITHIN
    return TYPO if typos & words else 0


def _meant(word: str, words: frozenset[str]) -> float:
    """How well a whole word is one of these."""
    if word in words:
        return SAME
    stems = {stem(w) for w in words}
    if stem(word) in stems:
        return FORM
    return SYNONYM if _others().get(stem(word), frozenset()) & stems else 0


def means(word: str, items: Iterable[Findable]) -> bool:
    """Whether a word, or one that stands for it, is in the name of one of these."""
    return any(_meant(word, item.name) for item in items)


def _typos(word: str, vocabulary: set[str]) -> frozenset[str]:
    """The words that it may be a typing error of; none where it is a word itself, or short."""
    if len(word) < 4 or word.isdigit() or word in vocabulary or stem(word) in {stem(w) for w in vocabulary}:
        return frozenset()
    return frozenset(difflib.get_close_matches(word, vocabulary, n=3, cutoff=ALIKE))
