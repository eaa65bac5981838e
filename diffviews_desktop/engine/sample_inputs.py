"""What the model sees of a sample when its layers are extracted."""

from __future__ import annotations

from diffviews_desktop.engine.extraction import SampleExtraction
from diffviews_desktop.engine.jobs.inputs import InputShown, ShowInput
from diffviews_desktop.engine.opened_model import Host, OpenedModel
from diffviews_desktop.errors import DataError
from diffviews_desktop.values.told import NOTHING


def show_input(job: ShowInput, host: Host, opened: OpenedModel) -> InputShown:
    """The picture of a sample as the model sees it: with the same noise as in its extraction.

    Raises:
        DataError: there is no such sample.
    """
    table = opened.samples.table
    if not 0 <= job.row < len(table):
        raise DataError(f"There is no sample {job.row} any more. Choose another.")
    model = host.model_of(opened)
    extraction = SampleExtraction(
        model,
        table,
        list(model.facts.layers)[:1],
        opened.folder.config.extraction_input,
        NOTHING,
        check=host.check,
        interruptible=lambda: host.interruptible(model),
    )
    model_input = extraction.input_of(job.row)
    image = None if model_input is None else model.codec.decode(model_input).numpy()[0]
    return InputShown(job.model, job.row, image)
