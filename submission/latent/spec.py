"""Reading a spec string such as ``S^6 x T^3 x R^4``: words, factors, options; errors point at the character.

Grammar (white space separates words and is otherwise ignored)::

    spec    := factor { ("x" | "×") factor }
    factor  := name [ "^" dimension ] [ "(" [ layout ] [ ";" ] [ option { "," option } ] ")" ]
    option  := name "=" value
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from submission.errors import UsageError

WORD = re.compile(r"[\^()=;,×]|[^\s\^()=;,×]+")
PUNCTUATION = frozenset("^()=;,×")


class SpecError(UsageError):
    """A spec that means no latent space: the message, then the spec, then a caret below the offending character."""

    in_lines = True

    def __init__(self, spec: str, position: int, what: str, fix: str) -> None:
        shown, caret = window(re.sub(r"\s", " ", spec), position)
        super().__init__(f"latent space: {what}", f"{fix}\n  {shown}\n  {' ' * caret}^")
        self.spec, self.position = spec, position


def window(spec: str, position: int) -> tuple[str, int]:
    """At most 100 characters of a spec around a position, and where the position is in them."""
    if len(spec) <= 100:
        return spec, position
    start = max(0, min(position - 50, len(spec) - 94))
    before, after = "..." * (start > 0), "..." * (start + 94 < len(spec))
    return before + spec[start : start + 94] + after, position - start + len(before)


@dataclass(frozen=True)
class Token:
    """A word of a spec and where it begins."""

    text: str
    position: int
    spec: str = field(repr=False)

    def error(self, what: str, fix: str) -> SpecError:
        """An error that points here."""
        return SpecError(self.spec, self.position, what, fix)

    def integer(self, what: str, low: int, high: int) -> int:
        """This word as a whole number from ``low`` to ``high``."""
        if not re.fullmatch(r"\d{1,9}", self.text, re.ASCII) or not low <= int(self.text) <= high:
            raise self.error(f"{what} is {self.text[:40]!r}", f"give a whole number from {low} to {high}")
        return int(self.text)

    def glued(self) -> SpecError | None:
        """The error of a word such as ``2xT``, where blanks around the x are missing."""
        found = re.fullmatch(r"(\d+)[x×](\S+)", self.text, re.ASCII)
        if found is None:
            return None
        better = f"{self.spec[: self.position]}{found[1]} x {self.spec[self.position + len(found[1]) + 1 :]}"
        here = self.position + len(found[1])
        return SpecError(self.spec, here, "blanks are missing around the x of a product", f'write "{better[:200]}"')

    def real(self, what: str, low: float, high: float) -> float:
        """This word as a number strictly between ``low`` and ``high``."""
        try:
            number = float(self.text)
        except ValueError:
            number = float("nan")
        if not low < number < high:
            raise self.error(f"{what} is {self.text!r}", f"give a number between {low:g} and {high:g}")
        return number

    def choice(self, what: str, choices: Collection[str]) -> str:
        """This word, which must be one of ``choices``."""
        if self.text not in choices:
            raise self.error(f"{what} is {self.text!r}", f"choose one of {', '.join(choices)}")
        return self.text


@dataclass
class FactorSpec:
    """One factor of a spec as it was read; builders take its parts with the methods below and then call ``done``."""

    name: Token
    dimension: Token | None = None
    layout: list[Token] = field(default_factory=list)
    options: dict[str, tuple[Token, Token]] = field(default_factory=dict)
    known: list[str] = field(default_factory=list)

    def exponent(self, low: int, high: int) -> int:
        """The d of ``NAME^d``, from ``low`` to ``high``."""
        if self.dimension is None:
            raise self.name.error(f"{self.name.text} has no dimension", f"write {self.name.text}^{max(low, 3)}, say")
        return self.dimension.integer(f"the dimension of {self.name.text}", low, high)

    def take(self, option: str) -> Token | None:
        """The value of ``option`` where it was given; the option is known from here on."""
        self.known.append(option)
        return self.options[option][1] if option in self.options else None

    def integer(self, option: str, default: int, low: int, high: int) -> int:
        """A whole-number option."""
        word = self.take(option)
        return default if word is None else word.integer(option, low, high)

    def real(self, option: str, default: float, low: float, high: float) -> float:
        """A real option strictly between ``low`` and ``high``."""
        word = self.take(option)
        return default if word is None else word.real(option, low, high)

    def choice(self, option: str, choices: Collection[str]) -> str:
        """A named option; the first of ``choices`` is the default."""
        word = self.take(option)
        return next(iter(choices)) if word is None else word.choice(option, choices)

    def flag(self, option: str) -> bool:
        """A ``true``/``false`` option, false by default."""
        return self.choice(option, ("false", "true")) == "true"

    def done(self, dimension: bool = True, layout: bool = False) -> None:
        """Every part was taken; what is left over is an error."""
        if self.dimension is not None and not dimension:
            raise self.dimension.error(f"{self.name.text} takes no ^dimension", "leave it out")
        if self.layout and not layout:
            raise self.layout[0].error(f"{self.layout[0].text!r} is not an option", "write options as name=value")
        for option, (key, _) in self.options.items():
            if option not in self.known:
                raise key.error(f"{self.name.text} has no option {option!r} here", known_options(self.known))


def known_options(known: list[str]) -> str:
    """What to write instead of an unknown option."""
    return f"choose from {', '.join(known)}" if known else "leave it out"


def describe(base: str, options: dict[str, object], defaults: dict[str, object]) -> str:
    """The spec of a factor: ``base`` and, in parentheses, the options that differ from their defaults."""
    given = [f"{name}={text(value)}" for name, value in options.items() if value != defaults[name]]
    return f"{base}({', '.join(given)})" if given else base


def text(value: object) -> str:
    """An option's value as the grammar spells it."""
    return (
        str(value).lower() if isinstance(value, bool) else f"{value:.12g}" if isinstance(value, float) else str(value)
    )


MOST_CHARACTERS, MOST_FACTORS = 4000, 256
"""Of a spec."""


def factors(spec: str) -> list[FactorSpec]:
    """The factors of a spec, in order.

    Raises:
        SpecError: if it is not a spec, or has more than 4,000 characters or 256 factors.
    """
    if len(spec) > MOST_CHARACTERS:
        raise SpecError(spec, MOST_CHARACTERS, f"{len(spec)} characters", f"write at most {MOST_CHARACTERS}")
    reader = SpecReader(spec)
    found = [reader.factor()]
    while reader.peek() is not None:
        reader.expect("x", "×")
        if len(found) == MOST_FACTORS:
            raise SpecError(
                spec, reader.position(), f"more than {MOST_FACTORS} factors", "use fewer, or T^k for circles"
            )
        found.append(reader.factor())
    return found


class SpecReader:
    """Walks over the words of a spec from left to right."""

    def __init__(self, spec: str) -> None:
        self.spec = spec
        self.words = [Token(match.group(), match.start(), spec) for match in WORD.finditer(spec)]
        self.next = 0

    def peek(self) -> str | None:
        """The next word's text, or None at the end."""
        return self.words[self.next].text if self.next < len(self.words) else None

    def position(self) -> int:
        """Where the next word begins."""
        return self.words[self.next].position if self.next < len(self.words) else len(self.spec)

    def word(self, what: str) -> Token:
        """The next word, which must be more than punctuation."""
        if self.next == len(self.words):
            raise SpecError(self.spec, len(self.spec), f"{what} expected at the end", "complete the spec")
        word = self.words[self.next]
        if word.text in PUNCTUATION:
            raise word.error(f"{what} expected, not {word.text!r}", "correct the spec there")
        self.next += 1
        return word

    def accept(self, *texts: str) -> bool:
        """Skip the next word if it is one of ``texts``."""
        found = self.peek() in texts
        self.next += found
        return found

    def expect(self, *texts: str) -> None:
        """Skip the next word, which must be one of ``texts``."""
        if not self.accept(*texts):
            wanted = " or ".join(repr(text) for text in texts)
            fix = 'write e.g. "S^10(posterior=vmf) x R^4"'
            if self.peek() is not None and re.match(r"[x×]\S", self.words[self.next].text):
                fix = "put blanks around the x of a product"
            raise SpecError(self.spec, self.position(), f"{wanted} expected", fix)

    def factor(self) -> FactorSpec:
        """One factor with its dimension and everything in parentheses."""
        factor = FactorSpec(self.word("a space's name"))
        if self.accept("^"):
            factor.dimension = self.word("a dimension")
            glued = factor.dimension.glued()
            if glued is not None:
                raise glued
        if self.accept("("):
            self.arguments(factor)
        return factor

    def arguments(self, factor: FactorSpec) -> None:
        """Layout words and options up to the closing parenthesis."""
        while not self.accept(")"):
            word = self.word("a name or ')'")
            if self.accept("="):
                self.option(factor, word)
            else:
                factor.layout.append(word)
            if self.peek() != ")":
                self.expect(",", ";", ")") if self.peek() is None else self.expect(",", ";")

    def option(self, factor: FactorSpec, key: Token) -> None:
        """The value of an option whose name was just read."""
        if key.text in factor.options:
            raise key.error(f"option {key.text!r} is given twice", "keep one of them")
        factor.options[key.text] = (key, self.word(f"the value of {key.text}"))
