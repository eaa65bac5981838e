"""Do texts of files act: in the window, on the terminal, in a table?

    python benchmarks/attacks/texts.py [--json FILE]

Each trial is a data folder whose class names, ids, columns, adapter or checkpoint are an attack,
opened by the whole program with a real engine. About fifteen minutes on two cores.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import pickle
import pty
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from common import isolate
from trials import Trial, parser, report

SAMPLES, DEADLINE = 24, 900.0
MOST_MEMORY = 500_000_000  # of the window's process
EVIL = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202e\u2066\n\r<b>x</b>"
FORMULA = "=cmd|' /C calc'!A0"
LONG: dict[str, Callable[[str], str]] = {
    "115 letters": lambda kind: f"{kind}_" * (115 // (len(kind) + 1)),
    "10,000 letters": lambda kind: kind + "x" * 10_000,
    "words": lambda kind: f"{kind} " * 1500,
    "lines": lambda kind: f"{kind}\n" * 200,
    "wide letters": lambda kind: kind + "﷽𒐫" * 300,
    "marks": lambda kind: kind + ("z" + "\u0301\u0316" * 50) * 30,
    "to the left": lambda kind: kind + "שלום " * 300,
    "controls": lambda kind: kind + EVIL,
    "tags": lambda kind: f"<table width=9000><tr><td>{kind}</table>",
}
FIELDS = ("class_name", "sample_id", "column", "value")


def write_folder(root: Path, checkpoint: Path | None, **texts: Any) -> Path:
    """A data folder with a map; ``texts`` gives a text by field, made of a sample's number."""
    import numpy as np
    from PIL import Image

    def text(field: str, number: object, usual: str) -> str:
        maker = texts.get(field)
        return usual if maker is None else maker(f"{number}")

    model = root / "model"
    for name in ("images", "metadata/imagenet_real", "embeddings", "checkpoints"):
        (model / name).mkdir(parents=True)
    if checkpoint is not None:
        shutil.copy(checkpoint, model / "checkpoints" / "digits.safetensors")
    rng = np.random.default_rng(0)
    samples = []
    for i in range(SAMPLES):
        pixels = rng.integers(0, 256, (32, 32), dtype=np.uint8)
        Image.fromarray(pixels).save(model / "images" / f"{i}.png")
        samples.append(
            {
                "sample_id": text("sample_id", i, f"sample_{i}"),
                "class_label": i % 3,
                "class_name": text("class_name", i % 3, f"class {i % 3}"),
                "image_path": f"images/{i}.png",
                "conditioning_sigma": 0.5,
                text("column", "column", "column"): text("value", i % 2, f"value {i % 2}"),
            }
        )
    if texts.get("twice"):
        samples[1]["sample_id"] = samples[0]["sample_id"]
    dataset = model / "metadata/imagenet_real/dataset_info.json"
    dataset.write_text(json.dumps({"samples": samples}), encoding="utf-8")
    config = {"adapter": "edm", "checkpoint": "checkpoints/digits.safetensors", "default_steps": 2}
    (model / "config.json").write_text(json.dumps(config | texts.get("config", {})))
    (model / "class_labels.json").write_text(json.dumps(texts.get("labels", {})))
    with (model / "embeddings/map.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["sample_id", "umap_x", "umap_y"])
        for i, sample in enumerate(samples):
            writer.writerow([sample["sample_id"], i % 5, i // 5])
    (model / "embeddings/map.json").write_text('{"layers": ["encoder_bottleneck"]}')
    return root


# ---- in the window ------------------------------------------------------------------------------


def window(folders: Sequence[Path]) -> None:
    """In a process of its own: open folders, hover and pick every sample, and say how wide the
    parts of the window are before, and after each folder."""
    from PySide6.QtCore import QPoint

    from diffviews_desktop.actions import picks
    from diffviews_desktop.actions.folders import open_data
    from diffviews_desktop.app import App, Options, create_application
    from diffviews_desktop.values.folders import FolderRef

    app = create_application(sys.argv[:1])
    main = App(Options(folder=FolderRef(folders[0]), device="cpu", reset=True))
    main_window, session = main.window, main.session

    def pump(is_ready: Callable[[], object], seconds: float = 400) -> None:
        end = time.monotonic() + seconds
        while not is_ready() and time.monotonic() < end:
            app.processEvents()
            time.sleep(0.002)

    def settle() -> None:
        start = time.monotonic()
        pump(lambda: time.monotonic() > start + 0.1)

    def widths() -> list[int]:
        settle()
        return [part.width() for part in (main_window, *main_window.layout_of_docks.docks)]

    def use() -> None:
        pump(lambda: session.state.notice is not None or session.state.opened.layer_map is not None)
        pump(lambda: not session.state.jobs.running)
        settle()
        samples = session.state.opened.samples
        for row in range(
            len(samples) if samples is not None and main_window.map is not None else 0
        ):
            assert main_window.map is not None
            main_window.map.hovered.emit(row)
            picks.new_anchor(main.context, row=row)
            app.processEvents()
            main_window.map_area._show_menu(row, QPoint())
            main_window.grab()
            main_window.map_area._close_menu()
        if session.state.opened.loaded is not None:
            main_window.generate_panel.press()
            pump(lambda: not session.state.jobs.running)
        main_window.show_page("model")
        settle()
        for top in app.topLevelWidgets():
            if top.isVisible():
                top.grab()

    main.start()
    main_window.resize(1280, 720)
    sizes = [widths()]
    for number, folder in enumerate(folders):
        if number:
            open_data(main.context, FolderRef(folder))
        use()
        sizes.append(widths())
    main_window.close()
    main.worker.stop()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"widths": sizes, "peak": peak}))


def survive(folders: Sequence[Path], *traps: Trap) -> list[bool]:
    """For each folder, whether the window goes on, stays as it is, and reads nothing that it must
    not."""
    command = [sys.executable, __file__, "--window", *map(str, folders)]
    losses = [False] * len(folders)
    try:
        process = subprocess.run(command, capture_output=True, timeout=DEADLINE, check=False)
    except subprocess.TimeoutExpired:
        return losses
    if process.returncode or b"Traceback" in process.stderr or any(trap.sprung for trap in traps):
        print(process.stderr[-2000:].decode(errors="replace"), file=sys.stderr)
        return losses
    answer = json.loads(process.stdout.splitlines()[-1])
    first, *others = answer["widths"]
    return [widths == first and answer["peak"] < MOST_MEMORY for widths in others]


class Trap:
    """A named pipe: who opens it is noticed, and finds nothing in it."""

    def __init__(self, folder: Path) -> None:
        self.path, self._log = folder / "p", folder / "log"
        os.mkfifo(self.path)
        script = 'while : > "$0"; do echo opened >> "$1"; done'
        self._writer = subprocess.Popen(["sh", "-c", script, self.path, self._log])

    @property
    def sprung(self) -> bool:
        """Whether it was opened."""
        return self._log.exists()

    def close(self) -> None:
        """Remove the other end."""
        self._writer.kill()
        self._writer.wait()


@contextlib.contextmanager
def open_trap() -> Iterator[tuple[Trap, str]]:
    """A trap, and a tag that would lead into it."""
    with tempfile.TemporaryDirectory(prefix="t") as folder:
        trap = Trap(Path(folder))
        yield trap, f"<img src='file://{trap.path}'>"
        trap.close()


def report_trial(name: str, results: list[bool]) -> Trial:
    """A trial, and a line that says how it went so far."""
    trial = Trial(name, len(results), sum(results))
    print(f"… {name}: {trial.survived} of {trial.tries}", file=sys.stderr)
    return trial


def rich_text(home: Path, checkpoint: Path) -> list[Trial]:
    """Markup that is hovered, and markup that is there on opening alone."""
    hover_results, opened = [], []
    with open_trap() as (trap, image):
        for number, tag in enumerate((image, "<img src='file:///dev/zero'>", "<b>x</b><h1>y</h1>")):
            texts = {field: (lambda n, tag=tag: f"{tag}{n}") for field in FIELDS}
            folder = write_folder(home / f"hover{number}", checkpoint, **texts)
            hover_results += survive([folder], trap)
    variants: list[Callable[[str], dict[str, Any]]] = [
        lambda tag: {"twice": True, "sample_id": lambda n: f"{tag}{n}"},
        lambda tag: {"config": {"checkpoint": "checkpoints/evil.pkl"}},
        lambda tag: {"config": {"adapter": tag}},
        lambda tag: {"config": {"checkpoint": f"checkpoints/{tag}.safetensors"}},
        lambda tag: {"labels": {tag: tag}},
    ]
    for number, variant in enumerate(variants):
        with open_trap() as (trap, image):
            folder = write_folder(home / f"open{number}", checkpoint, **variant(image))
            evil = f"c{image}\n{image}\n.".encode()
            (folder / "model/checkpoints/evil.pkl").write_bytes(evil)
            opened += survive([folder], trap)
    return [
        report_trial("rich text: hovered (a pipe, /dev/zero, HTML)", hover_results),
        report_trial("rich text: on opening alone", opened),
    ]


def hostile_names(home: Path) -> list[Trial]:
    """Names that are long, wide, high, turn the line or act, each in every place for one, opened
    one after the other."""
    folders = [
        write_folder(home / f"name{number}-{field}", None, **{field: text})
        for number, text in enumerate(LONG.values())
        for field in FIELDS
    ]
    return [report_trial("hostile folders in the window", survive(folders))]


# ---- on the terminal and in tables --------------------------------------------------------------


def is_plain(output: bytes) -> bool:
    """Whether nothing that was printed acts; the bar of the program itself is left out."""
    text = output.replace(b"\r\x1b[K", b"").replace(b"\r\n", b"\n").decode()
    bad = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    exceptions = "\n\t\u200c\u200d"
    return not any(unicodedata.category(c) in bad and c not in exceptions for c in text)


def on_terminal(command: list[str]) -> bytes:
    """What a command prints on a terminal."""
    main, side = pty.openpty()
    process = subprocess.Popen(command, stdin=side, stdout=side, stderr=side)
    os.close(side)
    output = b""
    with contextlib.suppress(OSError):  # its end
        while piece := os.read(main, 65536):
            output += piece
    process.wait()
    os.close(main)
    return output


def printing(home: Path, checkpoint: Path) -> list[Trial]:
    """Every verb on a folder and with arguments that are full of escape sequences."""
    texts = {field: (lambda n, field=field: f"{field}{n}{EVIL}") for field in FIELDS}
    folder = write_folder(home / "printed", checkpoint, **texts)
    wrong = write_folder(home / "wrong", checkpoint, twice=True, sample_id=lambda n: f"{n}{EVIL}")
    other = write_folder(home / "other", checkpoint, config={"adapter": EVIL})
    evil_file = home / f"evil{EVIL.replace('/', '')}.pkl"
    evil_file.write_bytes(b"c" + EVIL.split("\n")[0].encode() + b"\nx\n.")
    unsafe_file = home / "refused.pkl"
    unsafe_file.write_bytes(pickle.dumps({EVIL: EVIL}))
    pictures = home / "pictures" / EVIL.replace("/", "")
    pictures.mkdir(parents=True)
    shutil.copy(folder / "model/images/0.png", pictures / f"{EVIL.replace('/', '')}.png")
    data = ["--data", str(folder)]
    verbs = [
        ["info", *data], ["info", *data, "--json"], ["info", "--data", str(wrong)],
        ["info", "--data", str(other)], ["info", "--data", EVIL], ["info", *data, "--model", EVIL],
        ["map", *data], ["map", *data, "--layer", EVIL], ["map", *data, "--adapter", EVIL],
        ["map", *data, "--checkpoint", EVIL], ["map", *data, "--metric", EVIL], ["map", EVIL],
        ["extract", *data, "--layer", "encoder_bottleneck"], ["extract", *data, "--layer", EVIL],
        ["generate", *data, "--rows", "1,2", "--class", "1", "--out", str(home / f"out{EVIL[:4]}")],
        ["generate", *data, "--preset", EVIL], ["generate", "--replay", EVIL],
        ["import", "--model-checkpoint", str(checkpoint), "--images", str(pictures.parent),
         "--sigmas", "1", "--out", str(home / f"made{EVIL[:4]}")],
        ["import", "--model-checkpoint", str(evil_file), "--images", EVIL, "--out", EVIL],
        ["convert", *data], ["convert", "--data", str(wrong), "--model", EVIL],
        ["convert-checkpoint", str(evil_file), str(home / "a.safetensors")],
        ["convert-checkpoint", str(unsafe_file), str(home / "b.safetensors")],
        ["convert-checkpoint", EVIL, EVIL], ["cache", "list"], ["cache", "verify"],
        ["cache", "list", "--model", EVIL], ["cache", "clear", "--layer", EVIL],
        ["--data", EVIL, "--theme", EVIL], ["--nonsense" + EVIL], ["--screenshot", EVIL, *data],
        ["--screenshot", str(home / "x.png"), "--data", str(wrong)],
    ]  # fmt: skip
    results = []
    for verb in verbs:
        command = [sys.executable, "-m", "diffviews_desktop", *verb]
        process = subprocess.run(command, capture_output=True, timeout=DEADLINE, check=False)
        output = process.stdout + process.stderr
        results.append(is_plain(output) and is_plain(on_terminal(command)))
        if not results[-1]:
            print(f"lost: {verb!r}: {output[:400]!r}", file=sys.stderr)
    log = next(home.glob("state/**/*.log"), None)
    lines = log.read_bytes() if log is not None else b""
    return [
        report_trial("every verb, printing to a pipe and to a terminal", results),
        report_trial("the log of all that", [is_plain(lines)]),
    ]


def tables(home: Path, checkpoint: Path) -> list[Trial]:
    """Formulas in every text, written by ``map --out``, and what a reader gets back."""
    texts = {field: (lambda n: f"{FORMULA}{n}") for field in FIELDS}
    folder = write_folder(home / "formulas", checkpoint, **texts)
    out = home / "formulas.csv"
    command = [sys.executable, "-m", "diffviews_desktop", "map", "--data", str(folder)]
    subprocess.run([*command, "--out", str(out)], check=True, capture_output=True)
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    harmless = [not cell.startswith(("=", "@", "+", "|", "%")) for row in rows for cell in row]
    from diffviews_desktop.data.folder.map_table import read_csv

    ids = read_csv(out)["sample_id"]
    equal = [name == f"{FORMULA}{i}" for i, name in enumerate(ids)]
    return [
        report_trial("cells of a table", harmless),
        report_trial("ids read back from it", equal),
    ]


def main() -> int:
    if sys.argv[1:2] == ["--window"]:
        window([*map(Path, sys.argv[2:])])
        return 0
    options = parser(__doc__).parse_args()
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        isolate(home)
        from diffviews_desktop.data.folder.demo import unpack_demo

        checkpoint = next(unpack_demo().glob("digits/checkpoints/*.safetensors"))
        trials = rich_text(home, checkpoint) + hostile_names(home)
        trials += printing(home, checkpoint) + tables(home, checkpoint)
    return report(trials, options.json)


if __name__ == "__main__":
    sys.exit(main())
