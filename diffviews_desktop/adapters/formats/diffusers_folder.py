"""Models in diffusers' format on disk: a `UNet2DModel` and its scheduler.

Of the package, its network and scheduler classes are used, by names listed here; the files are
read by this module, so nothing that a folder names is imported, run or fetched. The package itself
is imported when the first folder is read.
"""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from diffviews_desktop.adapters.formats.safetensors_file import read_safetensors
from diffviews_desktop.adapters.formats.torch_file import read_torch_file
from diffviews_desktop.errors import AdapterError, CheckpointError

NETWORK = "UNet2DModel"
DDPM_SCHEDULERS = frozenset(
    {
        "DDIMParallelScheduler",
        "DDIMScheduler",
        "DDPMParallelScheduler",
        "DDPMScheduler",
        "DEISMultistepScheduler",
        "DPMSolverMultistepScheduler",
        "DPMSolverSinglestepScheduler",
        "EulerAncestralDiscreteScheduler",
        "EulerDiscreteScheduler",
        "HeunDiscreteScheduler",
        "KDPM2AncestralDiscreteScheduler",
        "KDPM2DiscreteScheduler",
        "LMSDiscreteScheduler",
        "PNDMScheduler",
        "UniPCMultistepScheduler",
    }
)
EDM_SCHEDULERS = frozenset({"EDMDPMSolverMultistepScheduler", "EDMEulerScheduler"})
SCHEDULERS = DDPM_SCHEDULERS | EDM_SCHEDULERS

_BLOCKS = frozenset(
    {
        "DownBlock2D",
        "AttnDownBlock2D",
        "ResnetDownsampleBlock2D",
        "UpBlock2D",
        "AttnUpBlock2D",
        "ResnetUpsampleBlock2D",
    }
)
_WEIGHTS = (
    "diffusion_pytorch_model.safetensors",
    "diffusion_pytorch_model.fp16.safetensors",
    "diffusion_pytorch_model.bin",
    "diffusion_pytorch_model.fp16.bin",
)
# what attention layers are called in older files
_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
_MAX_TIMESTEPS = 100_000


def find_pipeline(path: Path) -> Path:
    """The folder that a path means: that of the pipeline, if a part of one is given."""
    if not path.exists():
        raise CheckpointError(f"There is no model at {path}. Check the path in config.json.")
    folder = (path if path.is_dir() else path.parent).resolve()
    if folder.name in ("unet", "scheduler") and (folder.parent / "model_index.json").is_file():
        return folder.parent
    return folder


def check_index(path: Path) -> None:
    """Refuse pipelines that are more than a network of pictures and a scheduler.

    The classes that the file names are compared with those that are known, never looked up.
    """
    parts = {
        name: tuple(entry)
        for name, entry in _read_json(path).items()
        if isinstance(entry, list) and any(part is not None for part in entry)
    }
    source = short_name(path)
    if "_class_name" in parts:
        raise CheckpointError(
            f"{source} names a pipeline of its own code, which is not run. "
            "Use the folder of its UNet with a scheduler_config.json in it."
        )
    if parts.get("unet") != ("diffusers", NETWORK):
        raise CheckpointError(
            f"{source} does not name a {NETWORK} of diffusers as its unet. "
            f"Use a model of pictures that is a {NETWORK}."
        )
    scheduler = parts.get("scheduler", ())
    if len(scheduler) != 2 or scheduler[0] != "diffusers" or str(scheduler[1]) not in SCHEDULERS:
        raise CheckpointError(unknown_scheduler(source, ".".join(map(str, scheduler))))
    others = sorted(parts.keys() - {"unet", "scheduler"})
    if others:
        raise CheckpointError(
            f"{source} names further parts ({', '.join(others)}): a latent or text model. "
            f"Use a model that is a {NETWORK} and a scheduler alone."
        )


def load_network(folder: Path) -> nn.Module:
    """Build the network of a folder on the CPU and fill it."""
    file = folder / "config.json"
    if not file.is_file():
        raise CheckpointError(
            f"{folder} holds neither unet/config.json nor config.json. Give the folder of a "
            "pipeline (the one with model_index.json) or of a UNet."
        )
    config = _read_json(file)
    if config.get("_class_name") != NETWORK:
        raise CheckpointError(
            f"{short_name(file)} describes a {config.get('_class_name')!s}, not a {NETWORK}. "
            f"Use a model of pictures that is a {NETWORK}."
        )
    network = _find_class(NETWORK)
    try:
        with torch.device("meta"):
            unet = network(**_arguments(network, config))
    except Exception as error:  # another package's code, fed with anything
        raise CheckpointError(
            f"{short_name(file)} does not describe a network ({reason_of(error)}). "
            "Copy or save the model again."
        ) from error
    check_network(unet.config, short_name(file))  # before the weights, which may be large
    weights = _find_weights(folder)
    state = {_current_name(name): tensor for name, tensor in _read_weights(weights).items()}
    try:
        unet.load_state_dict(state, strict=True, assign=True)
    except RuntimeError as error:
        raise CheckpointError(
            f"The tensors of {short_name(weights)} do not fit config.json beside it "
            f"({reason_of(error)}). Copy or save the model again."
        ) from error
    return unet


def _find_weights(folder: Path) -> Path:
    for name in _WEIGHTS:
        if (folder / name).is_file():
            return folder / name
    if any(folder.glob("*.index.json")):
        raise CheckpointError(
            f"The weights in {folder} are split into several files. Save the model again with "
            "save_pretrained and a larger max_shard_size."
        )
    raise CheckpointError(
        f"There are no weights in {folder}. It should hold {_WEIGHTS[0]}: copy it there, or save "
        "the model again with save_pretrained."
    )


def _read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a file as float32; nothing in the file is run."""
    read = read_safetensors if path.suffix == ".safetensors" else read_torch_file
    try:
        stored = read(path)
        whole = [n for n, tensor in stored.tensors.items() if not tensor.dtype.is_floating_point]
        state = {} if whole else stored.read(lambda fraction: None)
    except Exception as error:  # damage shows itself in many ways
        raise CheckpointError(
            f"{short_name(path)} cannot be read ({reason_of(error)}). Copy it again, or save the "
            "model again with safe_serialization=True."
        ) from error
    if whole:
        raise CheckpointError(
            f"{short_name(path)} does not hold floating-point tensors alone. Save the model again "
            "with safe_serialization=True."
        )
    return state


def _current_name(name: str) -> str:
    head, _, kind = name.rpartition(".")
    layer, _, part = head.rpartition(".")
    if ".attentions." in f".{layer}." and part in _OLD_ATTENTION:
        return f"{layer}.{_OLD_ATTENTION[part]}.{kind}"
    return name


def find_scheduler(folder: Path) -> Path:
    """The scheduler's file for the UNet in ``folder``: in it, or in ``scheduler/`` beside it."""
    name = "scheduler_config.json"
    for place in (folder, folder / "scheduler", folder.parent / "scheduler"):
        if (place / name).is_file():
            return place / name
    raise CheckpointError(
        f"There is no {name} for the UNet in {folder}, so the noise levels it was trained at are "
        "not known. Put it in that folder, or in the folder scheduler beside it."
    )


def load_scheduler(file: Path) -> Any:
    config, source = _read_json(file), short_name(file)
    name = config.get("_class_name")
    if not isinstance(name, str) or name not in SCHEDULERS:
        raise CheckpointError(unknown_scheduler(source, str(name)))
    steps = config.get("num_train_timesteps", 1000)
    if not _is_count(steps) or not 2 <= steps <= _MAX_TIMESTEPS:
        raise CheckpointError(
            f"{source} has the num_train_timesteps {steps!r}. Write a number from 2 to "
            f"{_MAX_TIMESTEPS} there."
        )
    if "predict_epsilon" in config and "prediction_type" not in config:  # older files
        config["prediction_type"] = "epsilon" if config["predict_epsilon"] else "sample"
    scheduler = _find_class(name)
    try:
        return scheduler(**_arguments(scheduler, config))
    except Exception as error:  # another package's code, fed with anything
        raise CheckpointError(
            f"{source} does not describe a {name} ({reason_of(error)}). Copy or save the model "
            "again."
        ) from error


def _find_class(name: str) -> Any:
    """A class of the diffusers package; ``name`` is one of those listed in this module."""
    try:
        return getattr(importlib.import_module("diffusers"), name)
    except (ImportError, AttributeError, RuntimeError) as error:
        raise AdapterError(
            f"The diffusers package that is installed has no usable {name} ({reason_of(error)}). "
            "Install it again: pip install --upgrade 'diffviews-desktop[diffusers]'"
        ) from error


def _arguments(cls: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    """What of a configuration the class takes; the rest is for others."""
    names = list(inspect.signature(cls.__init__).parameters)[1:]
    return {name: config[name] for name in names if name in config}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{short_name(path)} cannot be read as JSON ({reason_of(error)}). Copy it again."
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{short_name(path)} does not hold a JSON object. Copy it again.")
    return content


def unknown_scheduler(source: str, name: str) -> str:
    return (
        f"{source} names the scheduler {name or 'none'}, which cannot be used. "
        f"Use one of: {', '.join(sorted(SCHEDULERS))}."
    )


def short_name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def reason_of(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def check_network(config: Mapping[str, Any], source: str) -> int:
    """The resolution of a network's pictures, if it is one that can be used."""
    size = config["sample_size"]
    height, width = size if isinstance(size, list | tuple) and len(size) == 2 else (size, size)
    channels, outputs = config["in_channels"], config["out_channels"]
    classes = config["num_class_embeds"]
    blocks = [*config["down_block_types"], *config["up_block_types"]]
    unknown = [name for name in blocks if str(name).removeprefix("UNetRes") not in _BLOCKS]
    problem = None
    if size is None:
        problem = "gives no sample_size. Write the height of the model's pictures there."
    elif not _is_count(height) or height != width:
        problem = f"has the sample_size {size!r}. Use a model of square pictures."
    elif channels not in (1, 3):
        problem = (
            f"is of a network with {channels} input channels, not of pictures (latents, perhaps). "
            "Use a model with 1 or 3."
        )
    elif outputs not in (channels, 2 * channels):
        problem = f"has {outputs} output channels for {channels} of input. Use another model."
    elif config["class_embed_type"] is not None:
        problem = (
            f"has the class_embed_type {config['class_embed_type']!r}. "
            "Use a model that embeds class numbers (num_class_embeds)."
        )
    elif classes is not None and not _is_count(classes):
        problem = f"has the num_class_embeds {classes!r}. Write the number of classes there."
    elif config["time_embedding_type"] != "positional":
        problem = (
            f"has the time_embedding_type {config['time_embedding_type']!r}. "
            "Use a model with positional."
        )
    elif config["center_input_sample"]:
        problem = "has center_input_sample. Use a model of pictures in [-1, 1]."
    elif unknown:
        problem = f"has blocks of the type {unknown[0]!r}. Use {', '.join(sorted(_BLOCKS))}."
    if problem is not None:
        raise CheckpointError(f"{source} {problem}")
    return height


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
