"""How well, and how variedly, does the demo model draw what it is asked for?

    python packaging/demo/evaluate.py
    python packaging/demo/evaluate.py --weights build/digits-32-few.safetensors \\
        --sampler renoise --sigma-min 0.5 --steps 1

The judge is a support-vector classifier trained on the real training digits alone (and copies of
them moved by a pixel); it never saw the generator. Diversity is the mean Euclidean distance between
two pictures of a class, grey levels being 0 to 1, beside that of the held-back real digits.
``--json FILE`` writes the figures, and ``--pictures FILE`` a sheet of samples. What the model's
layers say is measured by ``diffviews-desktop experiment``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from digits import load_digits
from PIL import Image
from scipy.spatial.distance import pdist
from scipy.stats import binomtest
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from torch import Generator

from diffviews_desktop.adapters.conditioning import draw_classes
from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.adapters.model import as_model
from diffviews_desktop.adapters.sampling import get_denoising_sigmas, tensor_to_uint8_image
from diffviews_desktop.core.denoising import SAMPLERS, denoise
from diffviews_desktop.values.conditions import ClassLabel


class Judge:
    """Reads pictures ``(N, R, R) uint8`` as digits.

    Attributes:
        accuracy: the share of the held-back digits that it reads right.
        diversity: of the held-back digits.
    """

    def __init__(self, data: str) -> None:
        digits = load_digits(data)
        moves = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)] if data == "mnist" else [(0, 0)]
        images = np.concatenate([np.roll(digits.train_images, by, axis=(1, 2)) for by in moves])
        self._svc = make_pipeline(PCA(60, random_state=0), SVC(C=10))
        self._svc.fit(_flat(images), np.tile(digits.train_labels, len(moves)))
        self.accuracy = float((self.read(digits.held_images) == digits.held_labels).mean())
        self.diversity = diversity(digits.held_images, digits.held_labels)

    def read(self, images: np.ndarray) -> np.ndarray:
        return self._svc.predict(_flat(images))


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float32) / 255


def diversity(images: np.ndarray, classes: np.ndarray) -> float:
    """The mean distance between two pictures ``(N, R, R) uint8`` of a class, over the classes."""
    return float(np.mean([pdist(_flat(images[classes == c])).mean() for c in np.unique(classes)]))


def draw(adapter: EDMAdapter, args: argparse.Namespace, digit: int) -> np.ndarray:
    """Pictures ``(N, R, R) uint8`` of a digit."""
    generator = Generator().manual_seed(digit)
    classes = draw_classes([ClassLabel(digit)] * args.per_class, 10, generator)
    *_, last = denoise(
        adapter,
        conditions=as_model(adapter).encode_pair(classes),
        sigmas=get_denoising_sigmas(args.steps, 80.0, args.sigma_min),
        generator=generator,
        sampler=args.sampler,
        guidance_scale=args.guidance,
    )
    return tensor_to_uint8_image(last.denoised)[..., 0].numpy()


def evaluate(adapter: EDMAdapter, judge: Judge, args: argparse.Namespace) -> dict[str, Any]:
    """Draw pictures of every digit, and print how they are read and how varied they are."""
    sheets = [draw(adapter, args, digit) for digit in range(10)]
    images = np.concatenate(sheets)
    classes = np.repeat(np.arange(10), args.per_class)
    hits = judge.read(images) == classes
    variety = diversity(images, classes)
    print(f"judge on the held-back digits: {judge.accuracy:.3f}")
    low, high = binomtest(int(hits.sum()), len(hits)).proportion_ci(method="wilson")
    print(
        f"samples read as the class asked for: {hits.mean():.3f} of {len(hits)}, 95 % interval "
        f"{low:.3f} to {high:.3f}"
    )
    print("by class:", " ".join(f"{hits[classes == d].mean():.2f}" for d in range(10)))
    print(f"diversity: {variety:.2f}; of the held-back digits: {judge.diversity:.2f}")
    if args.pictures:
        rows = [np.concatenate(list(sheet[:20]), axis=1) for sheet in sheets]
        sheet = Image.fromarray(np.concatenate(rows))
        sheet.resize((2 * sheet.width, 2 * sheet.height)).save(args.pictures)
    return {
        "judge": judge.accuracy,
        "guidance": args.guidance,
        "sampler": args.sampler,
        "steps": args.steps,
        "samples": len(hits),
        "read_as_asked": float(hits.mean()),
        "read_as_asked_interval": [low, high],
        "diversity": variety,
        "real_diversity": judge.diversity,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, default=Path("build/digits-32.safetensors"))
    parser.add_argument("--data", choices=["mnist", "uci"], default="mnist")
    parser.add_argument("--per-class", type=int, default=50, help="pictures of each class")
    parser.add_argument("--sampler", choices=SAMPLERS, default="heun")
    parser.add_argument("--steps", type=int, default=18)
    parser.add_argument("--sigma-min", type=float, default=0.002, help="of the last step")
    parser.add_argument("--guidance", type=float, default=1.0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--pictures", type=Path)
    args = parser.parse_args()
    adapter = EDMAdapter.from_checkpoint(args.weights, device="cpu")
    figures = evaluate(adapter, Judge(args.data), args)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
