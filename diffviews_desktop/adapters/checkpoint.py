"""From a checkpoint file to a model, without running anything that the file contains.

What can be read: the pickles of the EDM authors' code and re-exports in that form,
``.safetensors`` files, state dicts of torch.save, and folders of accelerate. Which network it is
comes from the tensors themselves; what the file says of it must agree. A ``.safetensors`` file of
this program carries the rest (preconditioning, sigma_data, dropout) in its header.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
import torch
from torch import Tensor

from diffviews_desktop.adapters.formats.nvidia_pickle import read_nvidia_pickle
from diffviews_desktop.adapters.formats.safetensors_file import (
    CLASS_KEY,
    header_metadata,
    read_safetensors,
)
from diffviews_desktop.adapters.formats.safetensors_file import read_config as read_header
from diffviews_desktop.adapters.formats.stored import (
    Progress,
    StoredModel,
    check_memory,
    check_tensors,
    excerpt,
    misfit,
)
from diffviews_desktop.adapters.formats.torch_file import ARCHIVE, read_torch_file
from diffviews_desktop.adapters.networks.infer import (
    MAX_STEPS,
    NotThisFamily,
    infer_network,
    strip_wrappers,
)
from diffviews_desktop.adapters.networks.precond import PRECONDITIONERS, Precond
from diffviews_desktop.data.checkpoints.files import SOURCE_KEY, WEIGHTS_IN_FOLDER, source_facts
from diffviews_desktop.data.folder.files import reason
from diffviews_desktop.errors import CheckpointError, UsageError
from diffviews_desktop.files.mistaken import LOOKED_AT, mistaken
from diffviews_desktop.files.reading import check_regular, meant_as_file, open_regular
from diffviews_desktop.files.writing import create, private_folder

READABLE = (
    "Use a pickle of the EDM authors' code (.pkl), .safetensors, or a state dict in .pt, .pth or "
    ".bin."
)

_PICKLE = b"\x80"
_LEGACY_TORCH = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19"  # torch.save's magic number, as a pickled int

# what the tensors cannot tell, and what a value of it must look like
_FREE = {
    "use_fp16": lambda v: type(v) is bool,
    "sigma_data": lambda v: _is_number(v) and 1e-6 < v < 1e6,
    "sigma_min": lambda v: _is_number(v) and 0 <= v < 1e6,
    "sigma_max": lambda v: (_is_number(v) and 0 < v < 1e9) or v == math.inf,
    "beta_d": lambda v: _is_number(v) and 0 < v < 50,
    "beta_min": lambda v: _is_number(v) and 0 < v < 50,
    "epsilon_t": lambda v: _is_number(v) and 0 < v < 1,
    "C_1": lambda v: _is_number(v) and 0 < v < 1,
    "C_2": lambda v: _is_number(v) and 0 < v < 1,
    "M": lambda v: type(v) is int and 1 < v <= MAX_STEPS,
    "dropout": lambda v: _is_number(v) and 0 <= v < 1,
    "label_dropout": lambda v: _is_number(v) and 0 <= v <= 1,
}


OF_SEVERAL_LEVELS = frozenset({"encoder_type", "decoder_type", "resample_filter"})
"""Arguments that make no difference where there is one resolution."""


class LoadedModel(NamedTuple):
    """A model, what it was made with, and what had to be assumed.

    ``config`` has the preconditioner's class under ``class_name``, then its keyword arguments;
    ``given`` are the names that the file itself told.
    """

    model: Precond
    config: dict[str, Any]
    given: frozenset[str]
    notes: tuple[str, ...]
    file: Path


def checkpoint_file(path: Path) -> Path:
    """The file to read: ``path`` itself, or the weights in a folder of accelerate.

    Raises:
        CheckpointError: there is none.
    """
    path = Path(path)
    if not os.path.isdir(path):
        try:
            check_regular(path)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise CheckpointError(
                f"There is no checkpoint at {path}. Check the path in config.json."
            ) from error
        except OSError as error:
            raise _unreadable(path, error) from error
        return path
    file = next((path / name for name in WEIGHTS_IN_FOLDER if meant_as_file(path / name)), None)
    if file is None:
        raise CheckpointError(
            f"The folder {path} has none of {', '.join(WEIGHTS_IN_FOLDER)}. Name the file itself."
        )
    return file


def read_stored(
    path: Path, progress: Progress = lambda fraction: None, weights: str | None = None
) -> StoredModel:
    """What a file holds, whatever its format, which its first bytes tell.

    Raises:
        CheckpointError: missing, damaged, or of no format that can be read safely; or it has no
            ``weights`` of this name.
    """
    path = checkpoint_file(path)
    progress(0.0)
    try:
        contents = _reader(path)(path, weights)
        size = path.stat().st_size
    except OSError as error:
        raise _unreadable(path, error) from error
    check_tensors(path, contents.tensors, size)
    names = strip_wrappers(contents.tensors.keys())
    return replace(contents, tensors={names[k]: v for k, v in contents.tensors.items()})


def _reader(path: Path) -> Callable[[Path, str | None], StoredModel]:
    with open_regular(path) as file:
        start = file.read(LOOKED_AT)
    instead = mistaken(start)
    if instead:
        raise CheckpointError(f"{path.name} is no checkpoint: it is {instead}.")
    start = start[:32]
    if start.startswith(ARCHIVE) or _LEGACY_TORCH in start:
        return read_torch_file
    if start[4:9] == b"\0\0\0\0{":  # after the length of the header
        return read_safetensors
    if start.startswith(_PICKLE):
        return read_nvidia_pickle
    if path.suffix == ".safetensors":
        return read_safetensors
    raise CheckpointError(f"{path.name}: this kind of file cannot be read. {READABLE}")


def read_config(path: Path) -> dict[str, Any] | None:
    """The configuration in the header of a ``.safetensors`` file; None of other files.

    Raises:
        CheckpointError: the file is missing or its header cannot be read.
    """
    path = checkpoint_file(path)
    try:
        return read_header(path) if path.suffix == ".safetensors" else None
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> CheckpointError:
    reason = error.strerror or type(error).__name__
    return CheckpointError(f"{path} cannot be read ({reason}). Copy or download it again.")


def load_checkpoint(
    path: Path,
    default_config: Mapping[str, Any] | None = None,
    progress: Progress = lambda fraction: None,
    weights: str | None = None,
) -> LoadedModel:
    """Build the model that a checkpoint describes and fill it, on the CPU in float32.

    Needs little more memory than the file: the model is built without data and each tensor is
    read once, to the place where it stays.

    Args:
        path: a file or a folder (see the module's text).
        default_config: what to take for what neither the file nor its tensors tell.
        progress: told how far it is; may raise to stop.
        weights: the name of the weights, where the file has several; None for the usual ones:
            smoothed ones, else those of the network.

    Raises:
        CheckpointError: missing or unreadable file, tensors of no network of this family, or a
            configuration that contradicts them.
    """
    contents = read_stored(path, progress, weights)
    config, keys, notes = _settle(contents, default_config or {})
    model = _build(contents, config)
    check_memory(contents)
    state = contents.read(progress)
    model.load_state_dict(state, strict=True, assign=True)
    model.requires_grad_(False).eval()
    _try(model, contents.path.name)
    return LoadedModel(model, config, keys, notes, contents.path)


def load_model(path: Path, default_config: Mapping[str, Any] | None = None) -> Precond:
    """The model of `load_checkpoint` alone."""
    return load_checkpoint(path, default_config).model


def save_checkpoint(
    path: Path,
    config: Mapping[str, Any],
    state: Mapping[str, Tensor],
    source: Mapping[str, Any] | None = None,
) -> None:
    """Write a state dict and its configuration as one ``.safetensors`` file, atomically.

    Args:
        path: the file.
        config: keyword arguments of the preconditioner; its class under ``class_name``, if that is
            not `EDMPrecond`.
        state: the state dict.
        source: which file it was made from.
    """
    path = Path(path)
    metadata = header_metadata(config)
    if source is not None:
        metadata[SOURCE_KEY] = json.dumps(dict(source))
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    with private_folder(path.parent) as folder:  # the library takes no open file
        temporary = folder / path.name
        with create(temporary) as file:
            readable = os.fstat(file.fileno()).st_mode  # it makes files for their owner alone
        safetensors.torch.save_file(tensors, temporary, metadata=metadata)
        temporary.chmod(readable)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)


def convert_checkpoint(
    path: Path, out: Path, *, replace_existing: bool = False, progress: Progress = lambda f: None
) -> LoadedModel:
    """Write any checkpoint that can be read as ``.safetensors`` with its configuration.

    Raises:
        CheckpointError: it cannot be read (see `load_checkpoint`).
        UsageError: ``out`` is there already, or cannot be written.
    """
    out = Path(out)
    if out.suffix != ".safetensors":
        raise UsageError(f"{out.name} must end in .safetensors.")
    if os.path.lexists(out) and not replace_existing:
        raise UsageError(f"{out} is there already. Choose another name, or replace it (--force).")
    loaded = load_checkpoint(path, progress=lambda fraction: progress(0.7 * fraction))
    source = source_facts(loaded.file)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        save_checkpoint(out, loaded.config, loaded.model.state_dict(), source)
    except (OSError, safetensors.SafetensorError) as error:
        problem = reason(error) if isinstance(error, OSError) else str(error)
        raise UsageError(
            f"{out} cannot be written ({problem}). Check the disk and the folder's rights."
        ) from error
    progress(1.0)
    return loaded


# ---- which network ------------------------------------------------------------------------------


def _settle(
    contents: StoredModel, default: Mapping[str, Any]
) -> tuple[dict[str, Any], frozenset[str], tuple[str, ...]]:
    """The configuration: shapes from the tensors, the rest from the file, then the default."""
    file = contents.path.name
    shapes = {name: tensor.shape for name, tensor in contents.tensors.items()}
    try:
        network = infer_network(shapes)
    except NotThisFamily as error:
        raise CheckpointError(
            f"{file} is not a checkpoint of the EDM family: {error}. Choose another file, or name "
            "its own adapter."
        ) from None
    told = dict(contents.config or {})
    notes = list(contents.notes)
    class_name = contents.class_name or network.class_name or default.get(CLASS_KEY)
    is_assumed = class_name is None
    class_name = class_name or "EDMPrecond"
    if class_name not in PRECONDITIONERS:
        raise CheckpointError(
            f"{file} names the unknown preconditioner {excerpt(class_name)}. Known are "
            f"{', '.join(PRECONDITIONERS)}. Choose another file."
        )
    if network.class_name and network.class_name != class_name:
        raise CheckpointError(
            f"{file} says that it is a {class_name}, but its tensors are those of a "
            f"{network.class_name}. Choose another file."
        )
    config: dict[str, Any] = {CLASS_KEY: class_name, **network.config}
    _compare(file, config, told)
    free = _arguments(class_name) - config.keys()
    keys = {CLASS_KEY} if contents.class_name else set()
    for source in (default, told):
        for key in free & source.keys():
            if not _FREE[key](source[key]):
                raise CheckpointError(
                    f"{file}: {key} cannot be {excerpt(source[key])}. Get the file again from "
                    "where it was published."
                )
            config[key] = source[key]
            if source is told:
                keys.add(key)
    if is_assumed:
        notes.append(
            f"{file} does not say its preconditioning: EDM's is assumed, with sigma_data "
            f"{config.get('sigma_data', 0.5)}."
        )
    unknown = sorted(told.keys() - config.keys() - _FREE.keys() - {"model_type"})
    if unknown:
        notes.append(
            f"{file} has settings that are not known and were left out: {excerpt(unknown[:9])}."
        )
    return config, frozenset(keys), tuple(notes)


def _compare(file: str, config: Mapping[str, Any], told: Mapping[str, Any]) -> None:
    """What the file says of the network's shape must be what its tensors show."""
    levels = [config["img_resolution"] >> i for i in range(len(config["channel_mult"]))]
    for key, value in config.items():
        claim = told.get(key)
        if claim is None or key == CLASS_KEY or (len(levels) == 1 and key in OF_SEVERAL_LEVELS):
            continue
        if key == "attn_resolutions" and isinstance(claim, list | tuple):
            same = {res for res in claim if res in levels} == set(value)
        elif key == "resample_filter" and isinstance(claim, list | tuple):
            same = len(claim) == len(value)
        else:
            same = (list(claim) if isinstance(claim, tuple) else claim) == value
        if not same:
            raise CheckpointError(
                f"{file} says that {key} is {excerpt(claim)}, but its tensors are those of a "
                f"network where it is {excerpt(value)}. Get the file again from where it was "
                "published."
            )


def _build(contents: StoredModel, config: Mapping[str, Any]) -> Precond:
    """The model without data, its tensors compared with those of the file by name and shape."""
    file = contents.path.name
    arguments = {key: value for key, value in config.items() if key != CLASS_KEY}
    try:
        with torch.device("meta"), torch.no_grad():
            model = PRECONDITIONERS[config[CLASS_KEY]](**arguments)
            problem = misfit(model.state_dict(), contents.tensors)
    except (TypeError, ValueError, RuntimeError, LookupError, ArithmeticError) as error:
        raise _unfit(file, error) from error
    if problem:
        raise CheckpointError(
            f"The tensors of {file} do not fit the network that they should be: {problem}. Get the "
            "file again, or name the adapter that it belongs to."
        )
    return model


def _try(model: Precond, file: str) -> None:
    """Run a filled model on no pictures, which takes no time and finds what does not fit."""
    size = (0, model.img_channels, model.img_resolution, model.img_resolution)
    try:
        with torch.no_grad():
            model(torch.empty(size), torch.empty(0))
    except (TypeError, ValueError, RuntimeError, LookupError, ArithmeticError) as error:
        raise _unfit(file, error) from error


def _unfit(file: str, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"The tensors of {file} describe no network that can run ({excerpt(str(error))}). Choose "
        "another file."
    )


def _arguments(class_name: str) -> set[str]:
    """Names that the preconditioner and its networks take, beside what the tensors tell."""
    parameters = PRECONDITIONERS[class_name].__init__.__annotations__
    return {key for key in _FREE if key in parameters} | {"dropout", "label_dropout"}


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)
