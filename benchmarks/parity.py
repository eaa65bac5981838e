"""Our networks and reader against the authors' code: same file, same input, every layer.

    python benchmarks/parity.py EDM_CHECKOUT [DMD2_CHECKOUT/third_party/edm …] [--full]

Each checkout is a folder with ``training/networks.py`` and ``torch_utils``; its code is imported
and run, so name one that you trust. Networks get random weights there and are pickled by the
authors' own code; the pickle is read by this program's safe reader. Writes
``benchmarks/parity.md``.
"""

from __future__ import annotations

import argparse
import json
import pickle
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from common import Row, parser

HERE = Path(__file__).resolve().parent
ABSOLUTE, RELATIVE = 2e-5, 1e-5

ADM = {"model_type": "DhariwalUNet", "model_channels": 64, "attn_resolutions": [32, 16, 8]}
DDPM = {"model_type": "SongUNet", "channel_mult": [2, 2, 2]}
NCSN = {
    **DDPM,
    "embedding_type": "fourier",
    "encoder_type": "residual",
    "channel_mult_noise": 2,
    "resample_filter": [1, 3, 3, 1],
}
SKIP = {
    **NCSN,
    "embedding_type": "positional",
    "encoder_type": "skip",
    "decoder_type": "skip",
    "model_channels": 32,
}
CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("ADM 64x64, 64 channels", "EDMPrecond", {"img_resolution": 64, "label_dim": 1000, **ADM}),
    ("ADM 64x64, 64 channels", "iDDPMPrecond", {"img_resolution": 64, "label_dim": 1000, **ADM}),
    (
        "DDPM++ 32x32, conditional",
        "EDMPrecond",
        {"img_resolution": 32, "label_dim": 10, "augment_dim": 9, **DDPM},
    ),
    ("DDPM++ 32x32, unconditional", "VPPrecond", {"img_resolution": 32, "augment_dim": 9, **DDPM}),
    (
        "NCSN++ 32x32, conditional",
        "EDMPrecond",
        {"img_resolution": 32, "label_dim": 10, "augment_dim": 9, **NCSN},
    ),
    ("NCSN++ 32x32, unconditional", "VEPrecond", {"img_resolution": 32, "augment_dim": 9, **NCSN}),
    (
        "NCSN++ 64x64, unconditional",
        "EDMPrecond",
        {"img_resolution": 64, "augment_dim": 9, **NCSN, "channel_mult": [1, 2, 2, 2]},
    ),
    ("skip/skip 32x32", "EDMPrecond", {"img_resolution": 32, **SKIP}),
]
FULL = ("ADM 64x64, full size", "EDMPrecond", {"img_resolution": 64, "label_dim": 1000})


@dataclass(frozen=True)
class Agreement:
    """How far two networks are apart."""

    network: str
    precond: str
    parameters: int
    output: float
    scale: float
    layers: float
    layer_scale: float
    layer_count: int

    @property
    def limit(self) -> float:
        """The largest difference of the output that counts as the same."""
        return ABSOLUTE if self.precond == "EDMPrecond" else RELATIVE * self.scale

    @property
    def agrees(self) -> bool:
        """Whether outputs and layers are within their limits."""
        layer_limit = max(ABSOLUTE, RELATIVE * self.layer_scale)
        return self.output <= self.limit and self.layers <= layer_limit


def compare(name: str, class_name: str, config: dict[str, Any]) -> Agreement:
    """One network of the authors, pickled, read by us, and both run on the same input."""
    import torch

    from diffviews_desktop.adapters.edm import EDMAdapter

    networks = import_module("training.networks")
    torch.manual_seed(1)
    theirs = getattr(networks, class_name)(img_channels=3, **config)
    for parameter in theirs.parameters():
        if not parameter.abs().sum():  # untrained networks begin with zeros
            torch.nn.init.normal_(parameter, std=0.02)
    theirs = theirs.eval().requires_grad_(False)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.pkl"
        with file.open("wb") as stream:
            pickle.dump({"ema": theirs}, stream)
        ours = EDMAdapter.from_checkpoint(file, device="cpu")
    size, classes = config["img_resolution"], config.get("label_dim", 0)
    sigma = torch.tensor([0.05, 80.0])
    x = torch.randn(2, 3, size, size) * (0.5 + sigma[:, None, None, None])
    labels = torch.eye(classes)[:2] if classes else None
    outputs: dict[str, list[Any]] = {}

    def listen(key: str) -> Any:
        return lambda module, inputs, output: outputs.setdefault(key, []).append(output)

    modules = [*theirs.model.enc.values(), *theirs.model.dec.values()]
    for layer, module in zip(ours.hookable_layers, modules, strict=True):
        module.register_forward_hook(listen(layer))
        ours.register_activation_hooks([layer], listen(layer))
    with torch.no_grad():
        reference = theirs(x, sigma, labels)
        got = ours.forward(x, sigma, labels)
    pairs = list(outputs.values())
    differences = [float((a - b).abs().max()) for a, b in pairs]
    return Agreement(
        network=name,
        precond=class_name,
        parameters=sum(p.numel() for p in theirs.parameters()),
        output=float((reference - got).abs().max()),
        scale=float(reference.abs().max()),
        layers=max(differences),
        layer_scale=max(float(a.abs().max()) for a, _ in pairs),
        layer_count=len(pairs),
    )


def table(results: dict[str, list[Agreement]]) -> str:
    """The results as Markdown."""
    lines = [
        "# Agreement with the authors' code",
        "",
        "Random weights, pickled by the authors' code, read by this program's safe reader; both "
        "run on the same two noisy pictures (σ 0.05 and 80) in float32 on a CPU. The largest "
        f"absolute difference of the output must stay below {ABSOLUTE:g} for EDM's "
        f"preconditioning and below {RELATIVE:g} of its largest value for the others; that of any "
        "layer below the larger of both.",
        "",
        "Made by `python benchmarks/parity.py CHECKOUT …`.",
        "",
        "| code | network | preconditioning | parameters | output differs by | of | "
        "layers differ by | of | layers | agrees |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for code, rows in results.items():
        lines += [
            f"| {code} | {row.network} | {row.precond} | {row.parameters:,} | {row.output:.1e} | "
            f"{row.scale:.3g} | {row.layers:.1e} | {row.layer_scale:.3g} | {row.layer_count} | "
            f"{'yes' if row.agrees else '**no**'} |"
            for row in rows
        ]
    return "\n".join(lines) + "\n"


def in_a_process_of_its_own(checkout: Path, full: bool) -> list[Agreement]:
    """Checkouts have modules of the same names: one process each."""
    command = [sys.executable, __file__, str(checkout), "--rows"] + (["--full"] if full else [])
    process = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return [Agreement(**row) for row in json.loads(process.stdout)]


def main() -> None:
    """See the module's text."""
    options = _options()
    if options.rows:
        sys.path.insert(0, str(options.checkouts[0].resolve()))
        cases = [*CASES, FULL] if options.full else CASES
        print(json.dumps([asdict(compare(*case)) for case in cases]))
        return
    results = {}
    for checkout in options.checkouts:
        name = "DMD2" if "dmd2" in str(checkout).lower() else "EDM"
        results[name] = in_a_process_of_its_own(checkout, options.full)
    text = table(results)
    print(text)
    (HERE / "parity.md").write_text(text, encoding="utf-8")
    if options.json is not None:
        rows = [
            Row(
                f"{code}: {row.network}, {row.precond}", 1, row.output, row.limit, "abs. difference"
            )
            for code, agreements in results.items()
            for row in agreements
        ]
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1), "utf-8")
    if not all(row.agrees for rows in results.values() for row in rows):
        raise SystemExit("some networks do not agree")


def _options() -> argparse.Namespace:
    arguments = parser("Agreement with the authors' code.")
    arguments.add_argument(
        "checkouts", nargs="+", type=Path, help="folder with training/networks.py"
    )
    arguments.add_argument("--full", action="store_true", help="also 295.9 million parameters")
    arguments.add_argument("--rows", action="store_true", help=argparse.SUPPRESS)
    return arguments.parse_args()


if __name__ == "__main__":
    main()
