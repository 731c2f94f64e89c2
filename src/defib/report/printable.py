"""Names and messages of a user's program, made safe to show."""

from __future__ import annotations

import unicodedata


def printable(text: str) -> str:
    r"""`text` on one line, with each invisible or control character written as its escape.

    A layer name may hold anything: a terminal's escape sequences, characters that reverse
    the reading direction, halves of a surrogate pair that no file can store. They come out
    as `\x1b` and the like. Line breaks and tabs become spaces.
    """
    if text.isprintable():
        return text
    return "".join(map(_visible, text))


def _visible(character: str) -> str:
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    if character in "\t\n\r\v\f":
        return " "
    return character.encode("unicode_escape").decode("ascii")


def storable(text: str) -> str:
    r"""`text` unchanged, unless UTF-8 cannot hold it: then lone surrogates as `\udc80`."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters of `text`: long names lose their middle to an ellipsis."""
    text = printable(text)
    if len(text) <= limit:
        return text
    head = (limit - 1) // 2
    return f"{text[:head]}…{text[len(text) - (limit - 1 - head) :]}"


def spans_of_code(message: str) -> tuple[tuple[str, bool], ...]:
    """`message` cut at its backticks: each part with whether it is code.

    A backtick without a partner is text like any other.
    """
    parts = printable(message).split("`")
    if len(parts) % 2 == 0:
        parts[-2:] = ["`".join(parts[-2:])]
    return tuple((part, index % 2 == 1) for index, part in enumerate(parts) if part)
