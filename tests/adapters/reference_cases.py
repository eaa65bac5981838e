"""Small networks with weights that anyone can compute, for comparison with the authors' code.

``python tests/adapters/reference_cases.py CHECKOUT`` runs the authors' code (a folder with
``training/networks.py``) on them and writes ``reference_outputs.npz``; the tests only read it.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

OUTPUTS = Path(__file__).with_name("reference_outputs.npz")
SIGMAS = [0.02, 1.5, 70.0]

ADM = {"model_type": "DhariwalUNet", "model_channels": 64, "channel_mult": [1, 2], "num_blocks": 1}
SONG = {"model_type": "SongUNet", "model_channels": 16, "channel_mult": [1, 2], "num_blocks": 1}
NCSN = {
    "embedding_type": "fourier",
    "encoder_type": "residual",
    "channel_mult_noise": 2,
    "resample_filter": [1, 3, 3, 1],
}
NETWORKS: dict[str, dict[str, Any]] = {
    "adm": {**ADM, "img_resolution": 8, "attn_resolutions": [8, 4], "label_dim": 4},
    "ddpm": {**SONG, "img_resolution": 16, "attn_resolutions": [8], "label_dim": 4},
    "ncsn": {**SONG, **NCSN, "img_resolution": 16, "attn_resolutions": [16], "augment_dim": 9},
    "skip": {
        **SONG,
        "img_resolution": 16,
        "attn_resolutions": [],
        "encoder_type": "skip",
        "decoder_type": "skip",
        "channel_mult": [1, 2, 2],
        "resample_filter": [1, 3, 3, 1],
    },
}
PRECONDS = ("EDMPrecond", "VPPrecond", "VEPrecond", "iDDPMPrecond")


def weights(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """A sine wave for every tensor, scaled like trained weights; buffers that are computed stay."""
    state = {}
    for name, shape in shapes.items():
        if name == "u" or name.endswith("resample_filter"):
            continue
        count = int(np.prod(shape))
        wave = np.sin(np.arange(count) * 1.7 + zlib.crc32(name.encode()) % 1000).reshape(shape)
        if name.endswith("freqs"):
            values = 8 * wave
        elif len(shape) == 1:
            values = 0.1 * wave + (1.0 if "norm" in name and name.endswith("weight") else 0.0)
        else:
            values = 1.5 * wave / np.sqrt(np.prod(shape[1:]))
        state[name] = torch.from_numpy(values.astype(np.float32))
    return state


def inputs(config: Mapping[str, Any]) -> tuple[Tensor, Tensor, Tensor | None]:
    """Noisy pictures, noise levels and labels."""
    size, classes = config["img_resolution"], config.get("label_dim", 0)
    sigma = torch.tensor(SIGMAS)
    wave = np.sin(np.arange(3 * 3 * size * size) * 0.37).reshape(3, 3, size, size)
    x = torch.from_numpy(wave.astype(np.float32)) * (0.5 + 1.4 * sigma[:, None, None, None])
    return x, sigma, torch.eye(classes)[[1, 3, 0]] if classes else None


def outputs(model: torch.nn.Module, config: Mapping[str, Any]) -> tuple[Tensor, np.ndarray]:
    """The denoised pictures, and of every layer its mean, its deviation and its first values."""
    facts: list[list[float]] = []

    def listen(module: Any, arguments: Any, output: Tensor) -> None:
        values = output.detach().double().flatten()
        facts.append([float(values.mean()), float(values.std()), *values[:4].tolist()])

    network = model.model
    modules = [*network.enc.values(), *network.dec.values()]  # type: ignore[union-attr, operator]
    handles = [module.register_forward_hook(listen) for module in modules]
    with torch.no_grad():
        denoised = model(*inputs(config))
    for handle in handles:
        handle.remove()
    return denoised, np.array(facts, dtype=np.float32)


def main() -> None:
    """Run the authors' code and write its outputs."""
    sys.path.insert(0, sys.argv[1])
    networks = import_module("training.networks")
    found = {}
    for name, config in NETWORKS.items():
        for precond in PRECONDS:
            model = getattr(networks, precond)(img_channels=3, **config).eval()
            shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
            model.load_state_dict(weights(shapes), strict=False)
            denoised, layers = outputs(model, config)
            found[f"{name}-{precond}-output"] = denoised.numpy()
            found[f"{name}-{precond}-layers"] = layers
            found[f"{name}-{precond}-range"] = np.array(
                [float(model.sigma_min), float(model.sigma_max)]
            )
    np.savez_compressed(OUTPUTS, **found)  # type: ignore[arg-type]
    print(f"{OUTPUTS}: {len(found)} arrays, {OUTPUTS.stat().st_size} bytes")


if __name__ == "__main__":
    main()
