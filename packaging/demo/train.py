"""Train a demo model: a class-conditional EDM on real handwritten digits.

    packaging/demo/train-all     the runs that made the bundled weights, one after the other

EDM preconditioning, loss and noise distribution (Karras et al. 2022, table 1); the label is zeroed
in 10 % of the pictures, so that classifier-free guidance is a trained mode. Training resumes from
``<out>.resume`` when it was interrupted. Saves the exponential moving average of the weights.
"""

from __future__ import annotations

import argparse
import copy
import time
from pathlib import Path

import torch
from digits import load_digits
from torch.nn import functional as F

from diffviews_desktop.adapters.checkpoint import save_checkpoint
from diffviews_desktop.adapters.networks.precond import EDMPrecond

CONFIGS = {
    "mnist": dict(
        img_resolution=32, img_channels=1, label_dim=10, sigma_data=0.5,
        model_channels=16, channel_mult=[1, 2, 4, 4], num_blocks=1, attn_resolutions=[8, 4],
        dropout=0.0, label_dropout=0.1,
    ),
    "uci": dict(
        img_resolution=8, img_channels=1, label_dim=10, sigma_data=0.5,
        model_channels=32, channel_mult=[1, 2], num_blocks=1, attn_resolutions=[4],
        dropout=0.0, label_dropout=0.1,
    ),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", choices=sorted(CONFIGS))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--stop", type=int, help="end early, to be resumed with other options")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--p-mean", type=float, default=-0.8, help="of ln(sigma), EDM table 1")
    parser.add_argument("--p-std", type=float, default=1.2)
    parser.add_argument("--ema", type=float, default=0.999)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    config = CONFIGS[args.data]
    digits = load_digits(args.data)
    images = torch.from_numpy(digits.train_images).to(args.device).float()[:, None] / 127.5 - 1
    labels = F.one_hot(torch.from_numpy(digits.train_labels), 10).float().to(args.device)

    torch.manual_seed(0)
    model = EDMPrecond(**config).to(args.device, memory_format=torch.channels_last)
    ema = copy.deepcopy(model).eval().requires_grad_(False)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr, betas=(0.9, 0.99))
    generator = torch.Generator(args.device).manual_seed(0)
    first = 0
    resume = args.out.with_suffix(".resume")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    if resume.exists():
        states = torch.load(resume, weights_only=True)
        model.load_state_dict(states["model"])
        ema.load_state_dict(states["ema"])
        optimizer.load_state_dict(states["optimizer"])
        generator.set_state(states["generator"])
        first = states["step"]
    parameters = sum(p.numel() for p in model.parameters())
    print(f"{args.data}: {len(images)} pictures, {parameters} parameters, {args}", flush=True)

    def save(step: int) -> None:
        torch.save(
            dict(
                model=model.state_dict(), ema=ema.state_dict(), step=step,
                optimizer=optimizer.state_dict(), generator=generator.get_state(),
            ),
            resume,
        )  # fmt: skip
        save_checkpoint(args.out, config, ema.state_dict())

    start, running = time.monotonic(), 0.0
    model.train()
    stop = args.stop or args.steps
    for step in range(first, stop):
        warm, share = (step + 1) / 200, (args.steps - step) / args.steps
        for group in optimizer.param_groups:
            group["lr"] = args.lr * min(1.0, warm) * min(1.0, 2 * share)
        rows = torch.randint(len(images), (args.batch,), generator=generator, device=args.device)
        normal = torch.randn(args.batch, 1, 1, 1, generator=generator, device=args.device)
        sigma = (args.p_mean + args.p_std * normal).exp()
        weight = (sigma**2 + model.sigma_data**2) / (sigma * model.sigma_data) ** 2
        y = images[rows].contiguous(memory_format=torch.channels_last)
        noise = torch.randn(y.shape, generator=generator, device=args.device)
        denoised = model(y + sigma * noise, sigma.flatten(), labels[rows])
        loss = (weight * (denoised - y).square()).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        beta = min(args.ema, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(list(ema.parameters()), list(model.parameters()), 1 - beta)
        running += loss.item()
        if (step + 1) % 100 == 0:
            seconds = time.monotonic() - start
            print(f"step {step + 1} loss {running / 100:.4f} {seconds:.0f} s", flush=True)
            running = 0.0
        if (step + 1) % 250 == 0 or step + 1 == stop:
            save(step + 1)


if __name__ == "__main__":
    main()
