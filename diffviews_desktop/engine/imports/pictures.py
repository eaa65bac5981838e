"""Pictures that are imported: copied from a folder, or drawn by the model itself."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from diffviews_desktop.data.folder.pictures import fit_picture
from diffviews_desktop.engine.imports.label_notes import LONGEST_SHOWN, some_names
from diffviews_desktop.engine.imports.labels import Labels, find_labels, judge_labels
from diffviews_desktop.engine.jobs.importing import ImportData
from diffviews_desktop.engine.opened_model import Host
from diffviews_desktop.errors import (
    AdapterError,
    DataError,
    DiffViewsError,
    OutOfMemoryError,
    PictureError,
    brief,
)
from diffviews_desktop.pictures.listing import Listing, list_pictures
from diffviews_desktop.pictures.survey import Survey, survey
from diffviews_desktop.text.faults import Fault, faults_of
from diffviews_desktop.text.plain import visible
from diffviews_desktop.text.wording import format_count
from diffviews_desktop.values.brightness import Brightness
from diffviews_desktop.values.conditions import RandomClass
from diffviews_desktop.values.import_rules import PICTURE_SUFFIXES
from diffviews_desktop.values.models import ModelFacts
from diffviews_desktop.values.samples import LABEL, NAME, PART

if TYPE_CHECKING:  # torch is imported when a model is first loaded
    from diffviews_desktop.adapters.model import Model


DRAWN_AT_ONCE = 8  # always: the noise of a picture depends on how many are drawn with it


@dataclass(frozen=True)
class Pictures:
    """Pictures that lie in their place: the class of each, and what else is known.

    Attributes:
        classes: of each picture, -1 where unknown.
        names: of classes.
        said: what the list of samples says of where they are from.
        notes: for the user.
        class_names: of each picture; empty where those of the classes are meant.
        columns: what else is known of each picture, by name.
    """

    classes: Sequence[int]
    names: Mapping[int, str]
    said: Mapping[str, Any]
    notes: Sequence[str] = ()
    class_names: Sequence[str] = ()
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)


class _Drawn(NamedTuple):
    """Pictures ``(B, R, R, C) uint8`` and their classes ``(B,)``."""

    images: NDArray[np.uint8]
    classes: Sequence[int]


def find_pictures(images: Path, out: Path, check: Callable[[], None] = lambda: None) -> Listing:
    """Pictures of a folder and its subfolders, also those that links lead to.

    Args:
        images: the folder.
        out: where the import is made; what is in there is left out.
        check: called at every subfolder; may raise to stop.

    Raises:
        DataError: there are none, or the folder cannot be read.
    """
    if not images.is_dir():
        raise DataError(
            f"There is no folder {images}. Choose another folder or a zip archive with --images."
        )
    try:
        listing = list_pictures(images, out, check)
    except OSError as error:
        raise DataError(
            f"The folder {images} cannot be read ({brief(error)}). Change its rights."
        ) from error
    check_pictures(images, listing)
    return listing


def check_pictures(images: Path, listing: Listing) -> None:
    """
    Raises:
        DataError: there are none.
    """
    if not listing.pictures:
        reasons = " ".join(f"{note}." for note in listing.notes())
        raise DataError(
            f"{images} holds no pictures ({', '.join(PICTURE_SUFFIXES)}). Choose another folder or "
            "archive." + (f" {reasons}" if reasons else "")
        )


class _Copied(NamedTuple):
    """Files whose pictures were written, in their order.

    Attributes:
        kept: all of them.
        several: those that hold more pictures than one.
        cut: those of several channels with more than 8 bits.
        unfit: why others were not.
    """

    kept: list[str]
    several: list[str]
    cut: list[str]
    unfit: dict[str, Fault]


def copy_pictures(
    job: ImportData, images: Path, host: Host, model: Model, listing: Listing, target: Path
) -> Pictures:
    """Write each picture of a folder as the model sees it.

    Raises:
        DataError: none can be read, or the labels cannot.
    """
    facts, files = model.facts, listing.pictures
    findings = find_labels(job, images, files, host.check)
    judge_labels(findings, job, facts, files)  # what is wrong with labels is said before the work
    numbers = _survey(job, host, images, files)
    copies = _copy(images, files, host, facts, numbers.brightness, target)
    sources = copies.kept
    if not sources:
        raise _none_can_be_read(job.images or images, copies.unfit)
    listing.left_out |= copies.unfit
    labels = judge_labels(findings, job, facts, sources)
    return Pictures(
        classes=[labels.numbers.get(file, -1) for file in sources],
        names=labels.names,
        said={**listing.record(), "brightness": numbers.record(), "pictures": sources},
        notes=[
            *labels.notes,
            *(f"{note}." for note in listing.notes()),
            *_depth_notes(numbers, copies.cut, has_range=job.brightness is not None),
            *_several_notes(copies.several),
        ],
        class_names=[labels.name_of(file) for file in sources],
        columns=_columns_of(labels, sources),
    )


def _copy(
    images: Path,
    files: Sequence[str],
    host: Host,
    facts: ModelFacts,
    brightness: Brightness,
    target: Path,
) -> _Copied:
    copies = _Copied([], [], [], {})
    for number, file in enumerate(files, start=1):
        try:
            picture = fit_picture(images / file, facts.resolution, facts.channels, brightness)
        except PictureError as error:
            copies.unfit[file] = error.fault
        else:
            _save(picture.pixels, target / picture_name(len(copies.kept)))
            copies.kept.append(file)
            copies.several.extend([file] if picture.several else [])
            copies.cut.extend([file] if picture.cut else [])
        text = f"{number} of {len(files)}"
        host.progress("reading pictures", number / len(files), text)
    return copies


def _none_can_be_read(images: Path, unfit: Mapping[str, Fault]) -> DataError:
    if len(unfit) == 1:
        ((name, fault),) = unfit.items()
        return DataError(
            f"The only picture in {images} {fault.of_one} ({visible(name, LONGEST_SHOWN)}). Check "
            "this file."
        )
    return DataError(
        f"None of the {len(unfit):,} pictures in {images} can be read: {faults_of(unfit)}. Check "
        "these files."
    )


def _depth_notes(numbers: Survey, cut: Sequence[str], *, has_range: bool) -> list[str]:
    """How pictures of more than 8 bits a channel were read."""
    notes = numbers.sentences()
    if cut:
        notes.append(
            f"{format_count(len(cut), 'picture', 'has', 'have')} several channels of 16 bits, of "
            f"which the upper 8 are used: {some_names(cut)}."
            + f" The range does not apply to {'it' if len(cut) == 1 else 'them'}."
            * has_range
        )
    elif has_range and not numbers.counts:
        notes.append("No picture holds numbers of more than 8 bits: no range was needed.")
    return notes


def _several_notes(several: Sequence[str]) -> list[str]:
    """How many files have pictures that were not read."""
    if not several:
        return []
    first = "the first" if len(several) == 1 else "the first of each"
    return [
        f"{format_count(len(several), 'file', 'holds', 'hold')} several pictures; only {first} is "
        f"used: {some_names(several)}."
    ]


def _columns_of(labels: Labels, files: Sequence[str]) -> dict[str, list[str]]:
    """What labels say of pictures besides their classes, by the column's name."""
    columns = {}
    if labels.says_more:
        columns[LABEL] = [labels.texts.get(file, "") for file in files]
    if labels.parts:
        columns[PART] = [labels.parts.get(file, "") for file in files]
    if labels.own_names:
        columns[NAME] = [labels.own_names.get(file, "") for file in files]
    return columns


def _survey(job: ImportData, host: Host, images: Path, files: Sequence[str]) -> Survey:
    """How pictures of numbers are read."""

    def paths() -> Iterator[Path]:
        for number, file in enumerate(files):
            host.progress("looking at brightness", number / len(files))
            yield images / file

    return survey(paths(), job.brightness)


def draw_pictures(job: ImportData, host: Host, model: Model, target: Path) -> Pictures:
    """Write pictures that the model draws, of random classes.

    Raises:
        OutOfMemoryError: the device cannot hold the few that are drawn at a time.
        AdapterError: the adapter's own sampler fails.
    """
    import torch

    from diffviews_desktop.adapters.device import is_out_of_memory

    host.prepare(model)
    draw = _sampler(job, model)
    classes: list[int] = []
    host.progress("generating", 0.0)
    while len(classes) < job.generate:
        count = min(DRAWN_AT_ONCE, job.generate - len(classes))
        seed = np.random.SeedSequence([job.seed, len(classes)]).generate_state(1, np.uint64)[0]
        try:
            with host.interruptible(model), torch.no_grad():
                batch = draw(count, int(seed >> np.uint64(1)))
        except DiffViewsError:
            raise
        except Exception as error:  # another package's code: anything can happen in it
            if is_out_of_memory(error):
                raise OutOfMemoryError(
                    f"The device has not enough memory to draw {count} pictures. Close other "
                    "programs that use it, or choose --device cpu."
                ) from error
            raise AdapterError(
                f"The sampler of {job.checkpoint.name} failed ({brief(error)}). Import pictures "
                "instead, or ask the author of the adapter."
            ) from error
        for picture, number in zip(batch.images, batch.classes, strict=True):
            _save(picture, target / picture_name(len(classes)))
            classes.append(max(-1, int(number)))
        text = f"{len(classes)} of {job.generate}"
        host.progress("generating", len(classes) / job.generate, text)
    names = model.facts.class_names
    present_names = {number: names[number] for number in set(classes) if number in names}
    steps = job.folder.overrides.num_steps
    record = {"seed": job.seed, "drawn_at_once": DRAWN_AT_ONCE, "steps": steps}
    return Pictures(classes, present_names, {"generated": record})


def _sampler(job: ImportData, model: Model) -> Callable[[int, int], _Drawn]:
    """What draws some pictures with a seed: the adapter's own sampler, where it has one that takes
    a number and a seed; else EDM's (Karras et al. 2022, algorithm 2) without added noise."""
    import torch

    from diffviews_desktop.adapters.conditioning import class_number, draw_classes
    from diffviews_desktop.adapters.sampling import get_denoising_sigmas
    from diffviews_desktop.core.denoising import denoise

    steps, sample, facts = job.folder.overrides.num_steps, model.own_sampler, model.facts
    names = inspect.signature(sample).parameters if sample is not None else {}
    if sample is not None and {"num_samples", "seed"} <= names.keys():
        options = {} if steps is None or "num_steps" not in names else {"num_steps": steps}

        def draw_own(count: int, seed: int) -> _Drawn:
            images, classes, *_ = sample(num_samples=count, seed=seed, **options)
            return _Drawn(_check(facts, images, count), _numbers_of(classes, count))

        return draw_own

    sigmas = get_denoising_sigmas(
        steps or facts.defaults.get("default_steps", 18), **noise_levels(facts)
    )

    def draw(count: int, seed: int) -> _Drawn:
        generator = torch.Generator().manual_seed(seed)
        classes = draw_classes([RandomClass()] * count, facts.num_classes, generator)
        conditions = model.encode_pair(classes)
        *_, last = denoise(
            model, conditions=conditions, sigmas=sigmas, generator=generator, sampler="heun"
        )
        images = model.codec.decode(last.denoised)
        return _Drawn(_check(facts, images, count), [class_number(one) for one in classes])

    return draw


def _check(facts: ModelFacts, images: Any, count: int) -> NDArray[np.uint8]:
    """Pictures of an adapter's sampler as an array.

    Raises:
        AdapterError: they are something else.
    """
    array = np.asarray(images.cpu() if hasattr(images, "cpu") else images)
    target_shape = (count, facts.resolution, facts.resolution, facts.channels)
    if array.shape != target_shape or array.dtype != np.uint8:
        raise AdapterError(
            f"The sampler of the adapter {facts.model_type} gives {array.dtype} {array.shape} "
            f"instead of pictures uint8 {target_shape}. Ask its author, or import pictures."
        )
    return array


def _numbers_of(classes: Any, count: int) -> list[int]:
    return [-1] * count if classes is None else [int(number) for number in classes]


def picture_name(number: int) -> str:
    return f"sample_{number:06d}.png"


def _save(picture: NDArray[np.uint8], path: Path) -> None:
    """Write ``(R, R, C)`` as PNG."""
    one = picture.shape[2] == 1
    Image.fromarray(picture[:, :, 0] if one else np.ascontiguousarray(picture)).save(path)


def noise_levels(facts: ModelFacts) -> dict[str, float]:
    """The adapter's default noise levels, as far as the model knows them; empty if of no use."""
    values = facts.defaults
    try:
        low = max(float(values["sigma_min"]), facts.sigma_min)
        high = min(float(values["sigma_max"]), facts.sigma_max)
    except (LookupError, TypeError, ValueError):
        return {}
    return {"sigma_max": high, "sigma_min": low} if 0 < low <= high < math.inf else {}
