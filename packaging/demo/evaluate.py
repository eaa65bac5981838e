"""How well does the demo model draw what it is asked for, and what do its layers say?

    python packaging/demo/evaluate.py quality     samples read by an independent classifier
    python packaging/demo/evaluate.py masks       one layer imposed: neighbours of five noise levels
    python packaging/demo/evaluate.py layers      every layer imposed, one after the other
    python packaging/demo/evaluate.py strength    a layer imposed in part, and for a part of the run

The judge is a support-vector classifier trained on the real training digits alone (and copies of
them moved by a pixel); it never saw the generator. What is imposed is the mean activation of 7
neighbours of one class at one noise level; counted is how often the judge reads their class.
``--json FILE`` writes the figures, ``--pictures FILE`` a sheet of samples, and ``--plot FILE`` a
drawing of what ``layers`` or ``strength`` found.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from digits import load_digits
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from diffviews_desktop.adapters.conditioning import condition_of, draw_classes
from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.adapters.model import as_model
from diffviews_desktop.adapters.sampling import (
    get_denoising_sigmas,
    tensor_to_uint8_image,
)
from diffviews_desktop.core.denoising import SAMPLERS, denoise
from diffviews_desktop.core.masking import ActivationMasker, compute_mask_dict
from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.data.folder.dataset import open_data_folder, read_samples
from diffviews_desktop.data.folder.demo_files import extract
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.mapping import Extract, LayersExtracted
from diffviews_desktop.processing.neighbors import neighbors_of
from diffviews_desktop.processing.reduction import fit_reduction
from diffviews_desktop.values.conditions import Choice
from diffviews_desktop.values.folders import FolderRef, Overrides
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MapParameters

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
DEFAULTS: dict[str, dict[str, Any]] = {
    "quality": {"sampler": "heun", "steps": 18, "sigma_min": 0.002, "per_class": 50},
    "masks": {"sampler": "renoise", "steps": 10, "sigma_min": 0.05, "per_class": 50},
    "layers": {"sampler": "heun", "steps": 10, "sigma_min": 0.05, "per_class": 10},
    "strength": {"sampler": "heun", "steps": 10, "sigma_min": 0.05, "per_class": 10},
}


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


class Samples:
    """The demo's samples, and the activations of some of the model's layers.

    Args:
        root: an empty folder.
        weights: the model's checkpoint.
        shapes: the layers, ``{layer: (C, H, W)}``.
    """

    def __init__(self, root: Path, weights: Path, shapes: dict[str, tuple[int, ...]]) -> None:
        extract(Path("resources/demo/digits.zip"), root)
        self._table = read_samples(open_data_folder(root).model("digits")).table
        self._shapes = shapes
        job = Extract(
            job_id=1,
            folder=FolderRef(root, overrides=Overrides(checkpoint=str(weights.resolve()))),
            model="digits",
            layer_sets=tuple(LayerSet((layer,)) for layer in shapes),
            out=root / "activations",
        )
        extracted = Engine("cpu").run(job)
        assert isinstance(extracted, LayersExtracted)
        self._files = dict(zip(shapes, extracted.files, strict=True))
        self._reduced: dict[str, Float32] = {}

    def mask(self, layer: str, digit: int, sigma: float) -> torch.Tensor:
        """The mean activation ``(1, C, H, W)`` of the most typical sample of a class at a noise
        level, and of its 6 nearest ones of that class and level."""
        matrix = np.load(self._files[layer], mmap_mode="r")
        if layer not in self._reduced:
            usual = MapParameters()
            self._reduced[layer] = fit_reduction(matrix, usual.pca_components, seed=usual.seed)[1]
        table = self._table
        alike = np.flatnonzero((table.class_label == digit) & (table.sigma == np.float32(sigma)))
        own = self._reduced[layer][alike]
        middle = int(np.linalg.norm(own - own.mean(axis=0), axis=1).argmin())
        near = [middle] + [row for row, _ in neighbors_of(own, middle, 6)]
        mask = compute_mask_dict(matrix, alike[near].tolist(), {layer: self._shapes[layer]})
        return torch.from_numpy(mask[layer])


def draw(
    adapter: EDMAdapter,
    args: argparse.Namespace,
    digit: int,
    choice: Choice,
    layer: str | None = None,
    mask: torch.Tensor | None = None,
    strength: float = 1.0,
    window: tuple[int, int | None] = (0, None),
) -> np.ndarray:
    """The pictures ``(N, R, R) uint8`` of one set of seeds; without a mask where it is None."""
    generator = torch.Generator().manual_seed(digit)
    masker = None
    if layer is not None and mask is not None:
        masker = ActivationMasker(adapter)
        masker.set_mask(layer, mask, strength)
    asked = draw_classes([condition_of(choice, 10)] * args.per_class, 10, generator)
    conditions = as_model(adapter).encode_pair(asked)
    *_, last = denoise(
        adapter,
        conditions=conditions,
        sigmas=get_denoising_sigmas(args.steps, 80.0, args.sigma_min),
        generator=generator,
        sampler=args.sampler,
        guidance_scale=args.guidance,
        masker=masker,
        mask_from=window[0],
        mask_steps=window[1],
    )
    return tensor_to_uint8_image(last.denoised)[..., 0].numpy()


def rate(adapter: EDMAdapter, judge: Judge, args: argparse.Namespace, **how: Any) -> dict[str, Any]:
    """How often the digit is read, over the ten of them; ``masks`` are theirs, ``choice`` None is
    the digit's own label, and the rest is as in `draw`."""
    masks, choice = how.pop("masks", None), how.pop("choice", "zero")
    hits = []
    for digit in range(10):
        label = digit if choice is None else choice
        mask = None if masks is None else masks[digit]
        read = judge.read(draw(adapter, args, digit, label, mask=mask, **how))
        hits.append(int((read == digit).sum()))
    return {"read_as_wanted": sum(hits) / (10 * args.per_class), "by_class": hits}


def said(name: str, result: dict[str, Any]) -> dict[str, Any]:
    """The same result, printed."""
    by_class = " ".join(f"{hits:3}" for hits in result["by_class"])
    print(f"{name:44} {100 * result['read_as_wanted']:6.1f} %   {by_class}", flush=True)
    return result


# ---- the modes ----------------------------------------------------------------------------------


def quality(adapter: EDMAdapter, judge: Judge, args: argparse.Namespace) -> dict[str, Any]:
    """Samples of each class, by default 50 in 18 Heun steps."""
    sheets = [draw(adapter, args, digit, digit) for digit in range(10)]
    images = np.concatenate(sheets)
    asked = np.repeat(np.arange(10), args.per_class)
    hits = judge.read(images) == asked
    print(f"judge on the held-back digits: {judge.accuracy:.3f}")
    print(f"samples read as the class asked for: {hits.mean():.3f} of {len(hits)}")
    print("by class:", " ".join(f"{hits[asked == d].mean():.2f}" for d in range(10)))
    if args.pictures:
        rows = [np.concatenate(list(sheet[:20]), axis=1) for sheet in sheets]
        sheet = Image.fromarray(np.concatenate(rows))
        sheet.resize((2 * sheet.width, 2 * sheet.height)).save(args.pictures)
    return {
        "judge": judge.accuracy,
        "guidance": args.guidance,
        "samples": len(hits),
        "read_as_asked": float(hits.mean()),
    }


def masks(adapter: EDMAdapter, judge: Judge, args: argparse.Namespace) -> dict[str, Any]:
    """One layer imposed at every step, by noise level of the neighbours."""
    result = {
        name: said(name, rate(adapter, judge, args, choice=choice))
        for name, choice in (
            ("its own class label, no mask", None),
            ("zero label, no mask", "zero"),
            ("uniform label, no mask", "uniform"),
        )
    }
    (layer,) = args.layer
    with tempfile.TemporaryDirectory() as temporary:
        samples = Samples(Path(temporary), args.weights, _shapes(adapter, args.layer))
        for choice in args.labels:
            for sigma in args.sigmas:
                means = [samples.mask(layer, digit, sigma) for digit in range(10)]
                name = f"{choice} label, mask at sigma {sigma:g}"
                found = rate(adapter, judge, args, choice=choice, layer=layer, masks=means)
                result[name] = said(name, found)
    return result


def layers(adapter: EDMAdapter, judge: Judge, args: argparse.Namespace) -> dict[str, Any]:
    """Every layer imposed at every step, with the zero label."""
    sigma = args.sigmas[0]
    result: dict[str, Any] = {
        **_setting(args),
        "no_mask": said("no mask", rate(adapter, judge, args)),
        "layers": {},
    }
    shapes = _shapes(adapter, adapter.hookable_layers)
    with tempfile.TemporaryDirectory() as temporary:
        samples = Samples(Path(temporary), args.weights, shapes)
        for layer, shape in shapes.items():
            means = [samples.mask(layer, digit, sigma) for digit in range(10)]
            found = rate(adapter, judge, args, layer=layer, masks=means)
            size = "×".join(map(str, shape))
            result["layers"][layer] = {"shape": shape, **said(f"{layer} {size}", found)}
    return result


def strength(adapter: EDMAdapter, judge: Judge, args: argparse.Namespace) -> dict[str, Any]:
    """A layer imposed in part, and for a part of the run, with the zero label."""
    sigma, result = args.sigmas[0], _setting(args)
    result |= {"schedule": get_denoising_sigmas(args.steps, 80.0, args.sigma_min).tolist()}
    with tempfile.TemporaryDirectory() as temporary:
        samples = Samples(Path(temporary), args.weights, _shapes(adapter, args.layer))
        result["layers"] = {}
        for layer in args.layer:
            means = [samples.mask(layer, digit, sigma) for digit in range(10)]
            imposed = {"layer": layer, "masks": means}
            by_strength = []
            for share in STRENGTHS:
                found = rate(adapter, judge, args, strength=share, **imposed)
                by_strength.append(
                    {"strength": share, **said(f"{layer}, strength {share:g}", found)}
                )
            by_window = []
            for name, window in windows(args.steps).items():
                if name == "all steps":
                    found = rate_of(by_strength[-1])
                else:
                    found = rate(adapter, judge, args, window=window, **imposed)
                by_window.append({"name": name, "steps": window, **said(f"{layer}, {name}", found)})
            result["layers"][layer] = {"by_strength": by_strength, "by_window": by_window}
    return result


def rate_of(found: dict[str, Any]) -> dict[str, Any]:
    """A rate that is known already."""
    return {name: found[name] for name in ("read_as_wanted", "by_class")}


def windows(steps: int) -> dict[str, tuple[int, int]]:
    """Parts of a run: first step, and the step that the mask no longer acts on."""
    ends = [round(part * steps / 4) for part in range(5)]
    half = round(steps / 2)
    return {
        "all steps": (0, steps),
        "first half": (0, half),
        "second half": (half, steps),
        "first quarter": (ends[0], ends[1]),
        "second quarter": (ends[1], ends[2]),
        "third quarter": (ends[2], ends[3]),
        "last quarter": (ends[3], ends[4]),
    }


def _shapes(adapter: EDMAdapter, names: list[str]) -> dict[str, tuple[int, ...]]:
    shapes = adapter.get_layer_shapes()
    return {name: shapes[name] for name in names}


def _setting(args: argparse.Namespace) -> dict[str, Any]:
    names = ("sampler", "steps", "sigma_min", "guidance", "per_class")
    return {**{name: getattr(args, name) for name in names}, "sigma": args.sigmas[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=list(DEFAULTS))
    parser.add_argument("--weights", type=Path, default=Path("build/digits-32.safetensors"))
    parser.add_argument("--data", choices=["mnist", "uci"], default="mnist")
    parser.add_argument("--per-class", type=int, help="pictures a class: 50; layers, strength: 10")
    parser.add_argument("--sampler", choices=SAMPLERS, help="heun; masks: renoise")
    parser.add_argument("--steps", type=int, help="10; quality: 18")
    parser.add_argument("--sigma-min", type=float, help="of the last step, 0.05; quality: 0.002")
    parser.add_argument(
        "--layer", nargs="+", metavar="NAME", help="masks: one; strength: one or more"
    )
    parser.add_argument("--labels", nargs="+", default=["zero", "uniform"])
    parser.add_argument("--guidance", type=float, default=1.0)
    parser.add_argument(
        "--sigmas", type=float, nargs="+", help="of the neighbours; layers, strength: one, 2"
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--plot", type=Path, help="a PNG of the figures of layers or strength")
    args = parser.parse_args()
    for name, value in DEFAULTS[args.what].items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    if args.sigmas is None:
        args.sigmas = [0.2, 0.5, 1.0, 2.0, 5.0] if args.what == "masks" else [2.0]
    if args.layer is None:
        args.layer = ["encoder_bottleneck" if args.what == "masks" else "decoder_block_8"]
    if args.what == "masks" and len(args.layer) > 1:
        parser.error("masks imposes one layer")
    if args.what in ("layers", "strength") and len(args.sigmas) > 1:
        parser.error(f"{args.what} takes neighbours of one noise level")
    if args.plot and args.what not in ("layers", "strength"):
        parser.error("there is a plot of layers and of strength")
    adapter = EDMAdapter.from_checkpoint(args.weights, device="cpu")
    mode = {"quality": quality, "masks": masks, "layers": layers, "strength": strength}[args.what]
    figures = mode(adapter, Judge(args.data), args)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    if args.plot:
        from plot import plot

        plot(figures, args.plot)


if __name__ == "__main__":
    main()
