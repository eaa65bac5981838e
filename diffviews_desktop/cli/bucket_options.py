"""Options that say which bucket maps are shared through."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diffviews_desktop.values.stores import BucketSettings


def add_bucket_options(parser: argparse.ArgumentParser) -> None:
    """Add them; the keys to it are never options, which other users of the machine could read."""
    parser.add_argument(
        "--bucket",
        default="",
        metavar="NAME",
        help="bucket that maps are shared through (default: $R2_BUCKET_NAME)",
    )
    parser.add_argument(
        "--endpoint",
        default="",
        metavar="URL",
        help="address of the S3 service (default: $AWS_ENDPOINT_URL_S3, else that of the account "
        "in $R2_ACCOUNT_ID)",
    )


def bucket_of(options: argparse.Namespace, **changes: Any) -> BucketSettings:
    """The bucket that the options name."""
    from diffviews_desktop.values.stores import BucketSettings

    return BucketSettings(bucket=options.bucket, endpoint=options.endpoint, **changes)
