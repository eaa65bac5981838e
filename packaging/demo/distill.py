"""Distil a demo model into one that draws in one to four steps.

    python packaging/demo/distill.py --teacher build/digits-32.safetensors --out build/X.safetensors

Consistency distillation (Song et al. 2023, algorithm 2): the student learns to answer at one noise
level what its moving average answers at the next lower one, where the teacher takes it with a step
of Heun's method. The student begins as the teacher. The teacher is guided, so that the student
needs no guidance (Luo et al. 2023); the label is zeroed in 10 % of the pictures, unguided, so that
the zero label stays trained. Resumes from ``<out>.resume``. Saves the moving average.
"""

from __future__ import annotations

import argparse
import copy
import time
from pathlib import Path

import torch
from digits import load_digits
from torch import Tensor
from torch.nn import functional as F
from train import CONFIGS

from diffviews_desktop.adapters.checkpoint import save_checkpoint
from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.adapters.sampling import get_denoising_sigmas


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", choices=sorted(CONFIGS), default="mnist")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--stop", type=int, help="end early, to be resumed with other options")
    parser.add_argument("--levels", type=int, default=18, help="noise levels of the teacher")
    parser.add_argument("--guidance", type=float, default=1.5, help="of the teacher")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=4e-4)
    parser.add_argument("--ema", type=float, default=0.998, help="of the weights that are saved")
    parser.add_argument("--target", type=float, default=0.95, help="of the student's target")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    digits = load_digits(args.data)
    images = torch.from_numpy(digits.train_images).float()[:, None] / 127.5 - 1
    classes = F.one_hot(torch.from_numpy(digits.train_labels), 10).float()

    torch.manual_seed(0)
    teacher = EDMAdapter.from_checkpoint(args.teacher, device="cpu").model.eval()
    teacher.requires_grad_(False).to(memory_format=torch.channels_last)
    student = copy.deepcopy(teacher).requires_grad_(True)
    target, ema = copy.deepcopy(teacher), copy.deepcopy(teacher)
    optimizer = torch.optim.RAdam(student.parameters(), lr=args.lr)
    generator = torch.Generator().manual_seed(0)
    first = 0
    resume = args.out.with_suffix(".resume")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    if resume.exists():
        states = torch.load(resume, weights_only=True)
        for name, model in (("student", student), ("target", target), ("ema", ema)):
            model.load_state_dict(states[name])
        optimizer.load_state_dict(states["optimizer"])
        generator.set_state(states["generator"])
        first = states["step"]
    print(f"distilling {args.teacher.name}: {args}", flush=True)

    levels = get_denoising_sigmas(args.levels, 80.0, 0.002).flip(0)

    def guide(x: Tensor, sigma: Tensor, labels: Tensor) -> Tensor:
        """The teacher's answer; rows with the zero label unguided."""
        both = teacher(
            torch.cat([x, x]), torch.cat([sigma, sigma]), torch.cat([labels, 0 * labels])
        )
        conditional, plain = both.chunk(2)
        return plain + args.guidance * (conditional - plain)

    start, running = time.monotonic(), 0.0
    stop = args.stop or args.steps
    for step in range(first, stop):
        warm, share = (step + 1) / 200, (args.steps - step) / args.steps
        for group in optimizer.param_groups:
            group["lr"] = args.lr * min(1.0, warm) * min(1.0, 2 * share)
        rows = torch.randint(len(images), (args.batch,), generator=generator)
        labels = classes[rows]
        labels = labels * (torch.rand(args.batch, 1, generator=generator) >= 0.1)
        # high levels, where it is decided which digit it becomes, as often as low ones
        index = torch.randint(1, len(levels), (args.batch,), generator=generator)
        high, low = levels[index], levels[index - 1]
        wide_high, wide_low = high[:, None, None, None], low[:, None, None, None]
        noise = torch.randn(images[rows].shape, generator=generator)
        x = images[rows] + wide_high * noise
        with torch.no_grad():
            slope = (x - guide(x, high, labels)) / wide_high
            ahead = x + (wide_low - wide_high) * slope
            slope = (slope + (ahead - guide(ahead, low, labels)) / wide_low) / 2
            goal = target(x + (wide_low - wide_high) * slope, low, labels)
            first_level = (index == 1)[:, None, None, None]
            goal = torch.where(first_level, x + (wide_low - wide_high) * slope, goal)
        answer = student(x, high, labels)
        # pseudo-Huber distance of whole pictures (Song and Dhariwal 2024), c for this resolution
        c = 0.00054 * answer[0].numel() ** 0.5
        loss = (((answer - goal).square().flatten(1).sum(1) + c**2).sqrt() - c).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 10.0)
        optimizer.step()
        with torch.no_grad():
            weights = list(student.parameters())
            torch._foreach_lerp_(list(target.parameters()), weights, 1 - args.target)
            beta = min(args.ema, (1 + step) / (10 + step))
            torch._foreach_lerp_(list(ema.parameters()), weights, 1 - beta)
        running += loss.item()
        if (step + 1) % 100 == 0:
            seconds = time.monotonic() - start
            print(f"step {step + 1} loss {running / 100:.4f} {seconds:.0f} s", flush=True)
            running = 0.0
        if (step + 1) % 250 == 0 or step + 1 == stop:
            models = dict(student=student, target=target, ema=ema)
            states = {name: model.state_dict() for name, model in models.items()}
            state = dict(optimizer=optimizer.state_dict(), generator=generator.get_state())
            torch.save({**states, **state, "step": step + 1}, resume)
            save_checkpoint(args.out, CONFIGS[args.data], ema.state_dict())


if __name__ == "__main__":
    main()
