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

    def __init__(self, spec: str, position: int, what: str, fix: str) -> None:
        super().__init__(f"latent space: {what}", f"{fix}\n  {spec}\n  {' ' * position}^")
        self.spec, self.position = spec, position


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
        if not re.fullmatch(r"\d+", self.text, re.ASCII) or not low <= int(self.text) <= high:
            raise self.error(f"{what} is {self.text!r}", f"give a whole number from {low} to {high}")
        return int(self.text)

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
            raise self.layout[0].error(f"{self.layout[0].text!r} is no option", "write options as name=value")
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


def factors(spec: str) -> list[FactorSpec]:
    """The factors of a spec, in order."""
    reader = SpecReader(spec)
    found = [reader.factor()]
    while reader.peek() is not None:
        reader.expect("x", "×")
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
            position = self.words[self.next].position if self.peek() is not None else len(self.spec)
            wanted = " or ".join(repr(text) for text in texts)
            raise SpecError(self.spec, position, f"{wanted} expected", 'write "S^10(posterior=vmf) x R^4", say')

    def factor(self) -> FactorSpec:
        """One factor with its dimension and everything in parentheses."""
        factor = FactorSpec(self.word("a space's name"))
        if self.accept("^"):
            factor.dimension = self.word("a dimension")
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
