"""What the benchmarks share: a table on the terminal, and rows as JSON."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Row:
    """One figure: ours beside a peer or a limit, ``n`` repetitions or beats."""

    name: str
    n: int
    ours: float | None
    peer: float | None
    unit: str


def parser(text: str | None) -> argparse.ArgumentParser:
    """A parser with the option that every benchmark and every attack has."""
    result = argparse.ArgumentParser(description=text)
    result.add_argument("--json", type=Path, metavar="FILE", help="also write the rows there")
    return result


def report(rows: list[Row], file: Path | None, peer: str) -> None:
    """Print the rows as a table, and write them where asked."""
    width = max(len(row.name) for row in rows)
    print(f"{'':{width}}  {'n':>7}  {'ours':>10}  {peer:>14}  ratio")
    for row in rows:
        ours = "not measured" if row.ours is None else f"{row.ours:.4g} {row.unit}"
        other = "" if row.peer is None else f"{row.peer:.4g} {row.unit}"
        ratio = f"{row.ours / row.peer:.2f}" if row.ours is not None and row.peer else ""
        print(f"{row.name:{width}}  {row.n:7}  {ours:>10}  {other:>14}  {ratio}")
    write_rows(rows, file)


def write_rows(rows: Sequence[Row], file: Path | None) -> None:
    """Write rows as JSON where asked."""
    if file is not None:
        file.write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")


def isolate(folder: Path) -> None:
    """Keep the program's files of this process and its children in ``folder``."""
    for name in ("DATA", "CACHE", "STATE", "CONFIG"):
        os.environ[f"XDG_{name}_HOME"] = str(folder / name.lower())
    os.environ.pop("DIFFVIEWS_DATA_DIR", None)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else each start compiles every module


def wait_until(ready: Callable[[], object], pump: Callable[[], None], seconds: float = 300) -> None:
    """Run ``pump`` until ``ready``; ends the program if that takes too long."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise SystemExit("the benchmark waited too long")
        pump()


# layers of the demo's digits, whose activations the benchmarks take, most of a picture first
WIDE_LAYERS = ("decoder_block_7", "decoder_block_10", "decoder_block_8", "decoder_block_9")
NOISE_LEVELS = (0.2, 0.5, 1.0, 2.0, 5.0)


def demo_activations(file: Path, rows: int, width: int) -> None:
    """Write real activations of the demo's digits as ``.npy``, ``(rows, width) float32``.

    The 2000 pictures at one noise level after another, five in all, then with other noise; of as
    many layers as it takes, the first ``width`` values.
    """
    import numpy as np

    from diffviews_desktop.adapters.model import as_model
    from diffviews_desktop.adapters.registry import get_adapter
    from diffviews_desktop.data.activations.arrays import flatten_layers
    from diffviews_desktop.data.folder.dataset import open_data_folder, read_samples
    from diffviews_desktop.data.folder.demo import unpack_demo
    from diffviews_desktop.engine.extraction import SampleExtraction
    from diffviews_desktop.values.told import OWN_CONDITION

    model = open_data_folder(unpack_demo()).model("digits")
    adapter = get_adapter("edm").from_checkpoint(str(model.checkpoint()), device="cpu")
    shapes = adapter.get_layer_shapes()
    layers: list[str] = []
    while sum(int(np.prod(shapes[name])) for name in layers) < width:
        if len(layers) == len(WIDE_LAYERS):
            raise SystemExit("the demo's layers are not that wide")
        layers.append(WIDE_LAYERS[len(layers)])
    samples = read_samples(model).table
    which, turn = np.arange(rows) % len(samples), np.arange(rows) // len(samples)
    level = np.searchsorted(NOISE_LEVELS, samples.sigma[which].astype(np.float64) - 1e-6)
    names = [samples.sample_id[i] for i in which.tolist()]
    table = replace(
        samples,
        sample_id=tuple(f"{name}-{i}" for name, i in zip(names, turn, strict=True)),
        class_label=samples.class_label[which],
        class_name=tuple(samples.class_name[i] for i in which.tolist()),
        image_path=tuple(samples.image_path[i] for i in which.tolist()),
        sigma=np.array(NOISE_LEVELS, np.float32)[(level + turn) % len(NOISE_LEVELS)],
    )
    extraction = SampleExtraction(
        as_model(adapter),
        table,
        layers,
        "noised",
        OWN_CONDITION,
        check=lambda: None,
        interruptible=contextlib.nullcontext,
    )
    out = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=(rows, width))
    for indices, values in extraction.batches(range(rows)):
        out[indices] = flatten_layers(values)[:, :width]
    out.flush()


def in_a_process(script: str, *arguments: str, threads: int = 1) -> dict[str, Any]:
    """Run a benchmark's own script again for one of its parts; its last line is JSON."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    process = subprocess.run(
        [sys.executable, script, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, **dict.fromkeys(names, str(threads))},
    )
    return json.loads(process.stdout.splitlines()[-1])


def make_demo_activations(file: Path, rows: int, width: int) -> None:
    """`demo_activations` in a process of its own, with all its threads."""
    arguments = ["demo-activations", str(file), str(rows), str(width)]
    in_a_process(__file__, *arguments, threads=os.cpu_count() or 1)


@contextlib.contextmanager
def anonymous_peak() -> Iterator[dict[str, float | None]]:
    """Under the key ``peak``: by how many MB the process's own memory, mapped files not counted,
    grew at most while the block ran; None where the system does not tell (Linux does)."""
    result: dict[str, float | None] = {"peak": None}
    base = anonymous()
    if base is None:
        yield result
        return
    stop, highest = threading.Event(), [base]

    def watch() -> None:
        while not stop.wait(0.005):
            highest.append(max(highest.pop(), anonymous() or 0.0))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield result
    finally:
        stop.set()
        thread.join()
        result["peak"] = highest[0] - base


def anonymous() -> float | None:
    """The process's own memory in MB, mapped files not counted; None where nobody tells."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    kilobytes = next((line.split()[1] for line in lines if line.startswith("RssAnon")), None)
    return None if kilobytes is None else int(kilobytes) * 1024 / 1e6


def _main(arguments: Sequence[str]) -> None:
    if arguments[:1] == ["demo-activations"]:
        demo_activations(Path(arguments[1]), int(arguments[2]), int(arguments[3]))
        print("{}")


if __name__ == "__main__":
    _main(sys.argv[1:])
