"""How well does the demo model draw what it is asked for, and does a mask say what it should?

    python packaging/demo/evaluate.py quality     samples read by an independent classifier
    python packaging/demo/evaluate.py masks       the table of masked generation in the README

The judge is a support-vector classifier trained on the real training digits alone (and copies of
them moved by a pixel); it never saw the generator. ``--json FILE`` writes the figures,
``--pictures FILE`` a sheet of samples.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from digits import load_digits
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.adapters.sampling import (
    ClassChoice,
    get_denoising_sigmas,
    make_labels,
    tensor_to_uint8_image,
)
from diffviews_desktop.core.denoising import denoise
from diffviews_desktop.core.masking import ActivationMasker, compute_mask_dict
from diffviews_desktop.data.dataset import open_data_folder, read_samples
from diffviews_desktop.data.demo import _extract
from diffviews_desktop.processing.neighbors import neighbors_of
from diffviews_desktop.worker.engine import Engine
from diffviews_desktop.worker.jobs import MapLayer, Source


class Judge:
    """Reads pictures ``(N, R, R) uint8`` as digits."""

    def __init__(self, data: str) -> None:
        digits = load_digits(data)
        moves = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)] if data == "mnist" else [(0, 0)]
        images = np.concatenate([np.roll(digits.train_images, by, axis=(1, 2)) for by in moves])
        self._svc = make_pipeline(PCA(60, random_state=0), SVC(C=10))
        self._svc.fit(_flat(images), np.tile(digits.train_labels, len(moves)))
        self.accuracy = float((self.read(digits.held_images) == digits.held_labels).mean())

    def read(self, images: np.ndarray) -> np.ndarray:
        return self._svc.predict(_flat(images))


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float32) / 255


def quality(adapter: EDMAdapter, judge: Judge, args: argparse.Namespace) -> dict[str, float]:
    """50 samples of each class, by default in 18 Heun steps."""
    sheets, asked = [], []
    for digit in range(10):
        generator = torch.Generator().manual_seed(digit)
        labels = make_labels(10, args.per_class, digit, generator)
        *_, last = denoise(
            adapter,
            labels=labels,
            sigmas=get_denoising_sigmas(args.steps, 80.0, args.sigma_min),
            generator=generator,
            sampler=args.sampler,
            guidance_scale=args.guidance,
        )
        sheets.append(tensor_to_uint8_image(last.denoised)[..., 0].numpy())
        asked += [digit] * args.per_class
    images = np.concatenate(sheets)
    read = judge.read(images)
    hits = read == np.array(asked)
    print(f"judge on the held-back digits: {judge.accuracy:.3f}")
    print(f"samples read as the class asked for: {hits.mean():.3f} of {len(hits)}")
    print("by class:", " ".join(f"{hits[np.array(asked) == d].mean():.2f}" for d in range(10)))
    if args.pictures:
        rows = [np.concatenate(list(sheet[:20]), axis=1) for sheet in sheets]
        Image.fromarray(np.concatenate(rows)).resize((20 * 64, 10 * 64)).save(args.pictures)
    return {
        "judge": judge.accuracy,
        "guidance": args.guidance,
        "samples": len(hits),
        "read_as_asked": float(hits.mean()),
    }


def masks(adapter: EDMAdapter, judge: Judge, args: argparse.Namespace) -> dict[str, object]:
    """7 neighbours of one class at one sigma, imposed on a layer at every step."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        _extract(Path("resources/demo/digits.zip"), root)
        layer = (args.layer,)
        source = Source(root)
        mapped = Engine("cpu").run(MapLayer(job_id=1, source=source, model="digits", layers=layer))
        samples = read_samples(open_data_folder(root).model("digits"))
        table = samples.table
        matrix = np.load(mapped.path / "activations.npy")
        shapes = {layer[0]: adapter.get_layer_shapes()[layer[0]]}
        sigmas = get_denoising_sigmas(args.steps, 80.0, 0.05)

        def read(digit: int, choice: ClassChoice, masker: ActivationMasker | None) -> np.ndarray:
            """What the judge reads in the pictures of one set of seeds."""
            generator = torch.Generator().manual_seed(digit)
            labels = make_labels(10, args.per_class, choice, generator)
            steps = denoise(
                adapter, labels=labels, sigmas=sigmas, generator=generator, masker=masker
            )
            *_, last = steps
            return judge.read(tensor_to_uint8_image(last.denoised)[..., 0].numpy())

        def masker_of(digit: int, sigma: float) -> ActivationMasker:
            """The most typical sample of a class at a noise level, and its 6 nearest ones."""
            alike = np.flatnonzero(
                (table.class_label == digit) & (table.sigma == np.float32(sigma))
            )
            own = mapped.reduced[alike]
            middle = int(np.linalg.norm(own - own.mean(axis=0), axis=1).argmin())
            near = [middle] + [row for row, _ in neighbors_of(own, middle, 6)]
            mask = compute_mask_dict(matrix, alike[near], shapes)
            masker = ActivationMasker(adapter)
            masker.set_mask(layer[0], torch.from_numpy(mask[layer[0]]))
            return masker

        def rate(choice: ClassChoice | None, sigma: float | None) -> dict[str, object]:
            hits = [
                int((read(d, d if choice is None else choice,
                          None if sigma is None else masker_of(d, sigma)) == d).sum())
                for d in range(10)
            ]  # fmt: skip
            return {"read_as_wanted": sum(hits) / (10 * args.per_class), "by_class": hits}

        result: dict[str, object] = {}
        rows: list[tuple[str, ClassChoice | None, float | None]] = [
            ("its own class label, no mask", None, None),
            ("zero label, no mask", "zero", None),
            ("uniform label, no mask", "uniform", None),
        ]
        for choice in args.labels:
            rows += [(f"{choice} label, mask at sigma {s:g}", choice, s) for s in args.sigmas]
        for name, choice, sigma in rows:
            result[name] = rate(choice, sigma)
            print(name, result[name], flush=True)
        return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["quality", "masks"])
    parser.add_argument("--weights", type=Path, default=Path("build/digits-32.safetensors"))
    parser.add_argument("--data", choices=["mnist", "uci"], default="mnist")
    parser.add_argument("--per-class", type=int, default=50)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--layer", default="encoder_bottleneck")
    parser.add_argument("--labels", nargs="+", default=["zero", "uniform"])
    parser.add_argument("--guidance", type=float, default=1.0)
    parser.add_argument("--sigmas", type=float, nargs="+", default=[0.2, 0.5, 1.0, 2.0, 5.0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--pictures", type=Path)
    args = parser.parse_args()
    adapter = EDMAdapter.from_checkpoint(args.weights, device="cpu")
    figures = {"quality": quality, "masks": masks}[args.what](adapter, Judge(args.data), args)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
