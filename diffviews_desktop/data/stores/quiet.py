"""Keeps requests out of the log."""

from __future__ import annotations

import logging

_SPEAKERS = (
    *("boto3", "botocore", "s3transfer", "urllib3"),
    *("httpx2", "httpcore2", "huggingface_hub", "filelock"),
)


def quiet_libraries() -> None:
    """Have libraries log nothing but warnings: addresses and headers of their requests hold
    signatures and tokens, and there are thousands of them."""
    for name in _SPEAKERS:
        logging.getLogger(name).setLevel(logging.WARNING)
