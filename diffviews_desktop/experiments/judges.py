"""Judges: classifiers that say what a picture shows, and how sure they are.

Which files are safe: a ``.safetensors`` file holds numbers, an ``.onnx`` file a graph of known
operations (`diffviews_desktop.experiments.onnx_file`), whose numbers must lie in the same file.
TorchScript, ``torch.export`` and pickled files are programs, and are not read. A Python function is
a program, too; it runs only where the user names it.
"""

from __future__ import annotations

import hashlib
import importlib
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.errors import Cancelled, DataError, UsageError, brief
from diffviews_desktop.experiments.onnx_file import check_network
from diffviews_desktop.files.reading import read_bytes
from diffviews_desktop.files.waiting import patiently
from diffviews_desktop.paths import resources
from diffviews_desktop.values.conditions import ClassLabel
from diffviews_desktop.values.experiments import BUNDLED, LOSS_LEVELS, NO_JUDGE, OWN_LOSS

if TYPE_CHECKING:  # torch is imported when a judge needs it
    from diffviews_desktop.adapters.model import Model

MOST_ONNX = 2_000_000_000
MOST_SIDE = 4096  # pixels of what an ONNX judge sees
MOST_CHANNELS = 4
MOST_CLASSES = 50_000  # the largest of ImageNet's lists has 21,843
_BATCH = 16
_AT_ONCE = 2**28  # bytes of pictures that a judge is shown
_MEMORY = 2 * 2**30  # bytes that ONNX judges take beside their weights
_CODE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, as torchvision has

Pictures = NDArray[np.uint8]


class Judge(Protocol):
    """Reads pictures ``(N, H, W, C) uint8`` of the model's size.

    Attributes:
        name: for tables.
        facts: what a record says of it.
    """

    @property
    def name(self) -> str: ...
    @property
    def facts(self) -> dict[str, Any]: ...

    def read(self, images: Pictures) -> Float32:
        """How probable each class is: ``(N, K) float32``, rows that add up to 1."""


def is_code(judge: str) -> bool:
    """Whether a judge is a Python function rather than a file or a word."""
    return bool(_CODE.fullmatch(judge))


def open_judge(
    judge: str,
    model: Model,
    trusted: bool = False,
    check: Callable[[], None] = lambda: None,
) -> Judge | None:
    """The judge of a name; None for no judge.

    Args:
        judge: as `Experiment.judge`.
        model: whose pictures it reads.
        trusted: whether the user has named the function that is to run.
        check: called while a judge of a file works; what it raises ends that.

    Raises:
        UsageError: there is no such judge, or it is a function that nobody named.
        DataError: its file cannot be used.
    """
    if judge in ("", NO_JUDGE):
        return None
    if judge == OWN_LOSS:
        return OwnLoss(model)
    if judge == BUNDLED:
        return ReaderJudge(bundled_judge(), model.facts.resolution, model.facts.channels)
    if is_code(judge):
        if not trusted:
            raise UsageError(
                f"The judge {judge} is a Python function, which runs only where you name it: give "
                f"--judge-code {judge} if you trust it."
            )
        return CodeJudge(judge)
    path = Path(judge)
    if path.suffix == ".safetensors":
        return ReaderJudge(path, model.facts.resolution, model.facts.channels)
    if path.suffix == ".onnx":
        return OnnxJudge(path, check)
    raise UsageError(
        f"{judge!r} is no judge. Use an .onnx or a .safetensors file; {BUNDLED}, {OWN_LOSS} or "
        f"{NO_JUDGE}; or --judge-code with module:function. Files of TorchScript and pickles are "
        "programs and are not read: export them as ONNX."
    )


def bundled_judge() -> Path:
    """The judge of the demo's digits."""
    return resources() / "demo" / "judge.safetensors"


def judge_for(class_names: dict[int, str], resolution: int) -> str:
    """The judge for a model where the user names none: the bundled one where it knows the model's
    classes and the size of its pictures, else none."""
    from diffviews_desktop.experiments.small_reader import load_reader

    config = load_reader(bundled_judge()).config
    names = dict(enumerate(config.classes))
    return BUNDLED if config.resolution == resolution and class_names == names else NO_JUDGE


# ---- files --------------------------------------------------------------------------------------


class ReaderJudge:
    """A small network of `diffviews_desktop.experiments.small_reader`.

    Raises:
        DataError: the file is none, or for pictures of another size.
    """

    def __init__(self, path: Path, resolution: int, channels: int) -> None:
        from diffviews_desktop.experiments.small_reader import load_reader

        self._reader = load_reader(path)
        config = self._reader.config
        if (config.resolution, config.channels) != (resolution, channels):
            raise DataError(
                f"The judge {path.name} reads pictures of {config.resolution} x "
                f"{config.resolution} with {config.channels} channels; the model draws "
                f"{resolution} x {resolution} with {channels}. Choose another judge."
            )
        self.name = path.stem
        self.facts: dict[str, Any] = {
            "judge": path.name,
            "sha256": self._reader.digest,
            "origin": config.origin,
            "accuracy": config.accuracy,
            "classes": list(config.classes),
        }

    def read(self, images: Pictures) -> Float32:
        """Probabilities ``(N, K)``."""
        import torch

        pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
        return self._reader.read(pixels.float() / 127.5 - 1).numpy()


class OnnxJudge:
    """A network in an ONNX file, with one input ``(N, C, H, W)`` and logits or probabilities
    ``(N, K)`` as its first output. Where ``N`` is fixed, as exports have it by default, it is
    shown so many pictures at once, the last ones again to fill them up.

    It sees the pictures in its own size, RGB where it has three channels, from 0 to 1, less
    ImageNet's mean and by its deviation.

    Args:
        path: the file.
        check: called while the network is made or runs, which happens in a thread of its own; what
            it raises ends that, as Ctrl-C does.

    Raises:
        DataError: the file cannot be used.
        UsageError: the package onnxruntime is not installed.
    """

    def __init__(self, path: Path, check: Callable[[], None] = lambda: None) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise UsageError(
                "Judges in .onnx files need the package onnxruntime: pip install "
                "diffviews-desktop[onnx]."
            ) from error
        try:
            data = read_bytes(path, MOST_ONNX)
            check_network(data)
            self._run_options, self._check = onnxruntime.RunOptions, check
            self._session = patiently(lambda: _open_session(data), check)
            (source,) = self._session.get_inputs()
            self._input = source.name
            count, self._channels, height, width = source.shape
            self._count = count if isinstance(count, int) else None
            self._size = (int(height), int(width))
            self._channels = int(self._channels)
            if not 0 < min(self._size) <= max(self._size) <= MOST_SIDE:
                raise ValueError(f"it takes pictures of {height} x {width}")
            if not 0 < self._channels <= MOST_CHANNELS:
                raise ValueError(f"it takes pictures of {self._channels} channels")
            if self._count is not None and not 0 < self._count <= self._most_at_once():
                raise ValueError(f"it takes {self._count} pictures at once")
        except Cancelled:
            raise
        except Exception as error:  # onnxruntime has errors of its own, of no common kind
            raise DataError(
                f"{path.name} is no ONNX judge that can be used ({brief(error)}). It needs one "
                "input of pictures (N, C, H, W) with a fixed size."
            ) from error
        self.name = path.stem
        self.facts: dict[str, Any] = {
            "judge": path.name,
            "sha256": hashlib.sha256(data).hexdigest(),
        }

    def read(self, images: Pictures) -> Float32:
        """Probabilities ``(N, K)``.

        Raises:
            DataError: the network fails at the pictures, or answers something else.
        """
        step = self._count or min(_BATCH, self._most_at_once())
        starts = range(0, len(images), step)
        return np.concatenate([self._read_some(images[start : start + step]) for start in starts])

    def _most_at_once(self) -> int:
        """So many pictures in its size take as much memory as they may."""
        return max(1, _AT_ONCE // (4 * self._channels * math.prod(self._size)))

    def _read_some(self, images: Pictures) -> Float32:
        count = len(images)
        if self._count is not None:
            images = images[np.minimum(np.arange(self._count), count - 1)]
        options = self._run_options()
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        names, inputs = [self._session.get_outputs()[0].name], {self._input: self.prepare(images)}

        def stop() -> None:
            options.terminate = True

        try:
            (answer,) = patiently(
                lambda: self._session.run(names, inputs, options), self._check, stop
            )
        except Cancelled:
            raise
        except Exception as error:  # onnxruntime has errors of its own, of no common kind
            raise DataError(
                f"The judge {self.name} fails at the pictures ({brief(error)}). Beside its weights "
                f"it may take {_MEMORY >> 30} GB of memory. Choose another judge."
            ) from error
        return as_probabilities(answer, len(images), self.name)[:count]

    def prepare(self, images: Pictures) -> Float32:
        """Pictures as the network takes them, ``(N, C, H, W)``."""
        import torch
        from torch.nn import functional

        pixels = torch.from_numpy(images.astype(np.float32)).permute(0, 3, 1, 2) / 255
        if pixels.shape[1] != self._channels:
            one = pixels.mean(dim=1, keepdim=True)
            pixels = one.expand(-1, self._channels, -1, -1)
        if pixels.shape[-2:] != self._size:
            pixels = functional.interpolate(pixels, self._size, mode="bilinear", antialias=True)
        if self._channels == 3:
            mean, deviation = (torch.tensor(v).reshape(1, 3, 1, 1) for v in (_MEAN, _DEVIATION))
            pixels = (pixels - mean) / deviation
        return np.ascontiguousarray(pixels.numpy())


def _open_session(data: bytes) -> Any:
    """The network of a file, whose operations get their memory from one bounded store.

    What its constants make together is not worked out beforehand, as that memory has no bound. The
    library prints nothing: its texts quote the file.
    """
    import onnxruntime as ort

    _make_store()
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
    return ort.InferenceSession(
        data,
        options,
        providers=["CPUExecutionProvider"],
        disabled_optimizers=["ConstantFolding"],
    )


@cache
def _make_store() -> None:
    """Bound the memory of all networks of the process together, once."""
    import onnxruntime as ort

    info = ort.OrtMemoryInfo(
        "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
    )
    as_requested, usual = 1, -1  # no more than what is asked for
    ort.create_and_register_allocator(info, ort.OrtArenaCfg(_MEMORY, as_requested, usual, usual))


# ---- functions ----------------------------------------------------------------------------------


@dataclass(eq=False)
class CodeJudge:
    """A function ``module:function`` of the user's: pictures ``(N, H, W, C) uint8`` in, logits or
    probabilities ``(N, K)`` out.

    Raises:
        UsageError: it cannot be imported.
    """

    name: str
    _function: Callable[[Pictures], Any] = field(init=False)

    def __post_init__(self) -> None:
        module, _, function = self.name.partition(":")
        try:
            self._function = getattr(importlib.import_module(module), function)
        except Exception as error:  # the module runs: anything can happen in it
            raise UsageError(
                f"The judge {self.name} cannot be imported ({brief(error)}). Install its package, "
                "or put its folder on PYTHONPATH."
            ) from error

    @property
    def facts(self) -> dict[str, Any]:
        """What a record says of it."""
        return {"judge": self.name}

    def read(self, images: Pictures) -> Float32:
        """Probabilities ``(N, K)``."""
        return as_probabilities(self._function(images.copy()), len(images), self.name)


def as_probabilities(answer: Any, count: int, name: str) -> Float32:
    """Logits or probabilities ``(N, K)`` as probabilities.

    Raises:
        DataError: they are neither.
    """
    try:
        rows = np.asarray(answer)
    except Exception as error:  # a function of the user's may answer anything
        raise DataError(
            f"The judge {name} answers what is no table of numbers ({brief(error)})."
        ) from error
    table = rows.dtype.kind in "biuf" and rows.ndim == 2 and len(rows) == count
    if not (table and 2 <= rows.shape[1] <= MOST_CLASSES and np.isfinite(rows).all()):
        raise DataError(
            f"The judge {name} answers {rows.shape} for {count} pictures, where ({count}, number "
            f"of classes) finite numbers are needed, of at most {MOST_CLASSES:,} classes."
        )
    rows = rows.astype(np.float64)
    sums = rows.sum(axis=1, keepdims=True)
    if (rows >= 0).all() and np.allclose(sums, 1, atol=1e-3):
        return (rows / sums).astype(np.float32)
    powers = np.exp(rows - rows.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


# ---- the model itself ---------------------------------------------------------------------------


class OwnLoss:
    """The model as its own judge (Li et al. 2023, "Your diffusion model is secretly a zero-shot
    classifier"): the class with which it predicts the noise best, softmax of the mean squared norm
    of what is left, over eight noise levels with the same noise for every class.

    It is not independent of what it judges: what the model thinks a three is counts as a three.

    Raises:
        UsageError: the model knows no classes.
    """

    def __init__(self, model: Model, levels: int = LOSS_LEVELS, seed: int = 0) -> None:
        if not model.num_classes:
            raise UsageError(
                "The model knows no classes, so its own loss cannot judge. Name another judge, or "
                "none."
            )
        import torch

        self._model = model
        self.name = "the model's own loss"
        low = max(model.facts.sigma_min, 0.2)
        high = min(model.facts.sigma_max, 10.0)
        self._sigmas = np.geomspace(low, high, levels).tolist()
        generator = torch.Generator().manual_seed(seed)
        self._noise = torch.randn(levels, *model.sample_shape, generator=generator)

    @property
    def evaluations(self) -> int:
        """How often the network runs for a picture."""
        return len(self._sigmas) * self._model.num_classes

    @property
    def facts(self) -> dict[str, Any]:
        """What a record says of it."""
        return {"judge": OWN_LOSS, "sigmas": self._sigmas}

    def read(self, images: Pictures) -> Float32:
        """Probabilities ``(N, K)``."""
        import torch

        samples = self._model.codec.encode(np.ascontiguousarray(images))
        rows = [self._losses(one) for one in samples]
        return torch.stack(rows).neg().softmax(dim=1).float().numpy()

    def _losses(self, sample: Any) -> Any:
        """Of every class, ``(K,)`` float64."""
        import torch

        model, count = self._model, self._model.num_classes
        told = model.encode([ClassLabel(number) for number in range(count)]).to(model.device)
        total = torch.zeros(count, dtype=torch.float64)
        with torch.no_grad():
            for sigma, noise in zip(self._sigmas, self._noise, strict=True):
                inputs = (sample + sigma * noise).expand(count, *sample.shape)
                levels = torch.full((count,), sigma, device=model.device)
                denoised = model.forward(inputs.to(model.device), levels, told).cpu()
                total += ((denoised - sample).double() / sigma).flatten(1).square().sum(dim=1)
        return total / len(self._sigmas)
