"""Files made up of valid ones: values of any kind wherever one can stand."""

from __future__ import annotations

import json
import math
from random import Random
from typing import Any

NUMBERS: tuple[Any, ...] = (
    0, 1, -1, 2, 7, 0.5, -0.0, 1e-320, 3e38, 1e308, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 10**400,
    math.nan, math.inf, -math.inf,
)  # fmt: skip
TEXTS = (
    "", " ", "0", "-1", "1e999", "nan", "9" * 400, "true", "a", ".", "..", "/", "../../a", "a/b",
    "a\\b", "\0", "a\0b", "\n", "\t", "\r\n", '"', ",", "'=1", "=1+1", "<b>", "%s", "{0}",
    "\x1b[2J", "\u202eabc", "\ufeff", "\ud800", "caf\udce9", "\U0001f600" * 40,
    "x" * 300, "x" * 5000, "a+b",
)  # fmt: skip
OTHERS: tuple[Any, ...] = (None, True, False, [], [None], [[]], {}, {"": {}}, [0, "a", None])


def deep(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def any_value(random: Random) -> Any:
    """A value of any kind."""
    kind = random.randrange(4)
    if kind == 0:
        return random.choice(NUMBERS)
    if kind == 1:
        return random.choice(TEXTS)
    if kind == 2:
        return random.choice(OTHERS)
    return random.choice((deep(200), [random.choice(NUMBERS)] * 3, list(range(1000))))


def changed(value: Any, random: Random) -> Any:
    """A value of JSON with something changed anywhere in it; the given one may be changed, too."""
    places: list[tuple[Any, Any]] = []

    def walk(part: Any) -> None:
        keys = part.keys() if isinstance(part, dict) else range(len(part))
        for key in keys:
            places.append((part, key))
            if isinstance(part[key], dict | list):
                walk(part[key])

    if isinstance(value, dict | list):
        walk(value)
    if not places or random.random() < 0.03:
        return any_value(random)
    part, key = random.choice(places)
    way = random.randrange(6)
    if way < 3:
        part[key] = any_value(random)
    elif way == 3:
        del part[key]
    elif way == 4:
        other, place = random.choice(places)
        part[key] = other[place] if not isinstance(other[place], dict | list) else None
    elif isinstance(part, dict):
        part[str(random.choice(TEXTS))] = part[key]
    else:
        part.insert(random.randrange(len(part) + 1), part[key])
    return value


def changed_json(content: bytes, random: Random) -> bytes:
    """A JSON file with something changed; what is none, or should be none, as bytes."""
    if random.random() < 0.1:
        return changed_bytes(content, random)
    try:
        value = json.loads(content)
        for _ in range(random.choice((1, 1, 1, 2, 5))):
            value = changed(value, random)
        return json.dumps(value).encode()
    except (ValueError, RecursionError):
        return changed_bytes(content, random)


def changed_table(content: bytes, random: Random) -> bytes:
    """A CSV file with a few cells, columns or lines changed."""
    if random.random() < 0.1:
        return changed_bytes(content, random)
    lines = [line.split(",") for line in content.decode("utf-8", "replace").split("\n")]
    for _ in range(random.choice((1, 1, 2, 5))):
        line = random.choice(lines[:1] if random.random() < 0.3 else lines)
        place = random.randrange(len(line))
        way = random.randrange(6)
        if way < 3:
            value = any_value(random)
            text = value if isinstance(value, str) else json.dumps(value)
            line[place] = text if random.random() < 0.5 else '"' + text.replace('"', '""') + '"'
        elif way == 3:
            del line[place:]
            line.append("")
        elif way == 4:
            line.insert(place, line[place])
        else:
            lines.insert(random.randrange(len(lines)), list(line))
    text = "\n".join(",".join(line) for line in lines)
    return text.encode("utf-8", "surrogatepass" if random.random() < 0.5 else "replace")


def changed_bytes(content: bytes, random: Random) -> bytes:
    """Any file with some bytes changed, added or taken away."""
    raw = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 8))):
        place = random.randrange(len(raw) + 1)
        way = random.randrange(4)
        if way == 0 and place < len(raw):
            raw[place] ^= 1 << random.randrange(8)
        elif way == 1:
            raw[place:place] = random.choice((b"\0", b"[" * 9999, b'"', b"\xff", b"{", b"\n", b"9"))
        elif way == 2:
            del raw[place : place + random.choice((1, 10, 1000))]
        else:
            raw[place:] = raw[random.randrange(len(raw) + 1) :]
    return bytes(raw)
