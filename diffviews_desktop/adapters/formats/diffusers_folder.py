"""Models in diffusers' format on disk: a `UNet2DModel` and its scheduler.

Of the package, its network and scheduler classes are used, by names listed here; the files are
read by this module, so nothing that a folder names is imported, run or fetched. The package itself
is imported when the first folder is read.
"""

from __future__ import annotations

import importlib
import inspect
import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from diffviews_desktop.adapters.formats.diffusers_bounds import (
    check_fit,
    check_network,
    check_scheduler,
)
from diffviews_desktop.adapters.formats.safetensors_file import read_safetensors
from diffviews_desktop.adapters.formats.stored import (
    Progress,
    StoredModel,
    check_memory,
    check_tensors,
    excerpt,
    misfit,
)
from diffviews_desktop.adapters.formats.torch_file import read_torch_file
from diffviews_desktop.adapters.formats.weights import HOW, Chosen
from diffviews_desktop.adapters.networks.infer import without_wrappers
from diffviews_desktop.data.checkpoints.files import DIFFUSERS_WEIGHTS
from diffviews_desktop.errors import AdapterError, CheckpointError, brief
from diffviews_desktop.files.mistaken import mistaken_file
from diffviews_desktop.files.reading import meant_as_file, read_json_value

NETWORK = "UNet2DModel"
DDPM_SCHEDULERS = frozenset(
    {
        "DDIMInverseScheduler",
        "DDIMParallelScheduler",
        "DDIMScheduler",
        "DDPMParallelScheduler",
        "DDPMScheduler",
        "DEISMultistepScheduler",
        "DPMSolverMultistepInverseScheduler",
        "DPMSolverMultistepScheduler",
        "DPMSolverSinglestepScheduler",
        "EulerAncestralDiscreteScheduler",
        "EulerDiscreteScheduler",
        "HeunDiscreteScheduler",
        "KDPM2AncestralDiscreteScheduler",
        "KDPM2DiscreteScheduler",
        "LMSDiscreteScheduler",
        "PNDMScheduler",
        "TCDScheduler",
        "UniPCMultistepScheduler",
    }
)
EDM_SCHEDULERS = frozenset({"EDMDPMSolverMultistepScheduler", "EDMEulerScheduler"})
CONSISTENCY_SCHEDULER = "CMStochasticIterativeScheduler"
SCORE_SCHEDULER = "ScoreSdeVeScheduler"
FLOW_SCHEDULERS = frozenset({"FlowMatchEulerDiscreteScheduler", "FlowMatchHeunDiscreteScheduler"})
SCHEDULERS = (
    DDPM_SCHEDULERS | EDM_SCHEDULERS | FLOW_SCHEDULERS | {CONSISTENCY_SCHEDULER, SCORE_SCHEDULER}
)

FULL = "full"
"""The variant of the weights that has no name in that of its file."""

# what attention layers are called in older files
_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


def find_pipeline(path: Path) -> Path:
    """The folder that a path means: that of the pipeline, if a part of one is given."""
    if not os.path.exists(path):
        raise CheckpointError(f"There is no model at {path}. Check the path in config.json.")
    folder = (path if os.path.isdir(path) else path.parent).resolve()
    if folder.name in ("unet", "scheduler") and meant_as_file(folder.parent / "model_index.json"):
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
        raise CheckpointError(unknown_scheduler(source, ".".join(map(excerpt, scheduler))))
    others = sorted(parts.keys() - {"unet", "scheduler"})
    if others:
        raise CheckpointError(
            f"{source} names further parts ({excerpt(', '.join(others))}): a latent or text model. "
            f"Use a model that is a {NETWORK} and a scheduler alone."
        )


def load_network(
    folder: Path, progress: Progress = lambda fraction: None, variant: str | None = None
) -> Chosen[nn.Module]:
    """Build the network of a folder on the CPU and fill it; ``progress`` may raise to stop.

    Where ``variant`` is None, the usual one of the weights' variants is taken, and said.
    """
    file = folder / "config.json"
    if not meant_as_file(file):
        raise CheckpointError(
            f"{folder} holds neither unet/config.json nor config.json. Give the folder of a "
            "pipeline (the one with model_index.json) or of a UNet."
        )
    description, source = _read_json(file), short_name(file)
    if description.get("_class_name") != NETWORK:
        raise CheckpointError(
            f"{source} describes a {excerpt(description.get('_class_name'))}, not a {NETWORK}. "
            f"Use a model of pictures that is a {NETWORK}."
        )
    network = _find_class(NETWORK)
    config = {**_defaults(network), **_arguments(network, description)}
    check_network(config, source)
    file, notes = _find_weights(folder, variant)
    weights = _list_weights(file)
    shapes = {name: tensor.shape for name, tensor in weights.tensors.items()}
    check_fit(config, shapes, source, short_name(weights.path))
    unet = _build(network, config, source)
    problem = misfit(unet.state_dict(), weights.tensors)
    if problem is not None:
        raise CheckpointError(
            f"The tensors of {short_name(weights.path)} do not fit config.json beside it: "
            f"{problem}. Copy or save the model again."
        )
    check_memory(weights)
    unet.load_state_dict(weights.read(progress), strict=True, assign=True)
    return Chosen(unet, (*notes, *weights.notes))


def _build(network: Any, config: Mapping[str, Any], source: str) -> Any:
    """The network without data."""
    try:
        with torch.device("meta"):
            return network(**config)
    except Exception as error:  # another package's code, fed with anything
        raise CheckpointError(
            f"{source} does not describe a network ({reason_of(error)}). "
            "Copy or save the model again."
        ) from error


def _find_weights(folder: Path, variant: str | None = None) -> Chosen[Path]:
    """The file of a variant of the weights; the usual one where none is named."""
    files: dict[str, Path] = {}
    for name in DIFFUSERS_WEIGHTS:
        if meant_as_file(folder / name):
            files.setdefault(_variant_of(name), folder / name)
    if variant is not None and variant not in files and files:
        raise CheckpointError(
            f"The folder {folder} has no weights of the variant {excerpt(variant)}, but those of "
            f"{_join(files)}. Choose one of these, or none."
        )
    if files:
        choice = next(iter(files)) if variant is None else variant
        return Chosen(files[choice], _variant_notes(folder, files, choice))
    if any(folder.glob("diffusion_pytorch_model*.index*.json")):
        raise CheckpointError(
            f"The weights in {folder} are split into several files. Save the model again with "
            "save_pretrained and a larger max_shard_size."
        )
    raise CheckpointError(
        f"There are no weights in {folder}. It should hold {DIFFUSERS_WEIGHTS[0]}: copy it there, "
        "or save the model again with save_pretrained."
    )


def _variant_of(name: str) -> str:
    return name.removeprefix("diffusion_pytorch_model").rpartition(".")[0].removeprefix(".") or FULL


def _variant_notes(folder: Path, files: Mapping[str, Path], choice: str) -> tuple[str, ...]:
    if [*files] == [FULL]:
        return ()
    file = files[choice].name
    if len(files) == 1:
        return (f"The weights are those of {file}: {folder} has no others.",)
    return (
        f"{folder} holds several variants of its weights ({_join(files)}): {file} was taken. "
        f"Choose another with {HOW}.",
    )


def _join(names: Mapping[str, Path]) -> str:
    return ", ".join(names)


def _list_weights(path: Path) -> StoredModel:
    """The tensors of a file, under the names that they have now, before any is read."""
    instead = mistaken_file(path)
    if instead:
        raise CheckpointError(f"{short_name(path)} holds no weights: it is {instead}.")
    try:
        read = read_safetensors if path.suffix == ".safetensors" else read_torch_file
        contents = read(path)
        check_tensors(path, contents.tensors, path.stat().st_size)
    except (CheckpointError, OSError) as error:
        reason = reason_of(error) if isinstance(error, CheckpointError) else brief(error)
        raise CheckpointError(
            f"{short_name(path)} cannot be read ({reason.rstrip('.')}). Copy it again, or save the "
            "model again with safe_serialization=True."
        ) from error
    if not all(tensor.dtype.is_floating_point for tensor in contents.tensors.values()):
        raise CheckpointError(
            f"{short_name(path)} does not hold floating-point tensors alone. Save the model again "
            "with safe_serialization=True."
        )
    plain = without_wrappers(contents.tensors.keys())
    tensors = {_current_name(plain[name]): tensor for name, tensor in contents.tensors.items()}
    return replace(contents, tensors=tensors)


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
        if meant_as_file(place / name):
            return place / name
    raise CheckpointError(
        f"There is no {name} for the UNet in {folder}, so the noise levels it was trained at are "
        "not known. Put it in that folder, or in the folder scheduler beside it."
    )


def load_scheduler(file: Path) -> Any:
    config, source = _read_json(file), short_name(file)
    name = config.get("_class_name")
    if not isinstance(name, str) or name not in SCHEDULERS:
        raise CheckpointError(unknown_scheduler(source, excerpt(name)))
    if "predict_epsilon" in config and "prediction_type" not in config:  # older files
        config["prediction_type"] = "epsilon" if config["predict_epsilon"] else "sample"
    scheduler = _find_class(name)
    arguments = _arguments(scheduler, config)
    check_scheduler(arguments, source)
    try:
        return scheduler(**arguments)
    except Exception as error:  # another package's code, fed with anything
        raise CheckpointError(
            f"{source} does not describe a {name} ({reason_of(error)}). Copy or save the model "
            "again."
        ) from error


def import_diffusers() -> Any:
    """The package, which then logs as others do, instead of printing."""
    package = importlib.import_module("diffusers")
    for library in ("diffusers", "huggingface_hub", "transformers"):
        logger = logging.getLogger(library)
        logger.handlers.clear()
        logger.propagate = True
    return package


def _find_class(name: str) -> Any:
    """A class of the diffusers package; ``name`` is one of those listed in this module."""
    try:
        return getattr(import_diffusers(), name)
    except (ImportError, AttributeError, RuntimeError) as error:
        raise AdapterError(
            f"The diffusers package that is installed has no usable {name} ({reason_of(error)}). "
            "Install it again: pip install --upgrade 'diffviews-desktop[diffusers]'"
        ) from error


def _defaults(cls: Any) -> dict[str, Any]:
    """What a class takes where nothing is given."""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return {one.name: one.default for one in parameters if one.default is not one.empty}


def _arguments(cls: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    """What of a configuration the class takes; the rest is for others."""
    names = list(inspect.signature(cls.__init__).parameters)[1:]
    return {name: config[name] for name in names if name in config}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = read_json_value(path)
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{short_name(path)} cannot be read as JSON ({brief(error)}). Copy it again."
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
