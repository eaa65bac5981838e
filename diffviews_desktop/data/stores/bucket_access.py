"""Which bucket maps are shared through, and the keys to it.

The keys come, in this order, from the variables of Cloudflare R2, from the system's keyring, and
from where boto3 looks: variables, profiles, single sign-on, roles of the machine. A bucket that
anyone may read needs none, where ``AWS_NO_SIGN_REQUEST`` says so.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from diffviews_desktop.credentials import stored_keys
from diffviews_desktop.data.stores.store import Access
from diffviews_desktop.errors import StoreAccessError, UsageError
from diffviews_desktop.values.locations import Location
from diffviews_desktop.values.stores import BucketSettings

BUCKET_VARIABLE = "R2_BUCKET_NAME"
ENDPOINT_VARIABLE = "AWS_ENDPOINT_URL_S3"
R2_VARIABLES = ("R2_ACCOUNT_ID", "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY")
ANONYMOUS_VARIABLE = "AWS_NO_SIGN_REQUEST"
USUAL_BUCKET = "diffviews"
"""That of the original system, where R2's keys are set and no bucket is named."""


@dataclass(frozen=True)
class BucketAccess:
    """A bucket, and what it lets the user in with."""

    location: Location
    access: Access


def bucket_access(settings: BucketSettings) -> BucketAccess | None:
    """The bucket that settings or the environment name; None where neither does.

    Raises:
        StoreAccessError: there are no keys for it.
        KeyringError: the keyring is there but cannot be asked.
        UsageError: its name cannot be that of a bucket.
    """
    r2 = r2_access(settings.endpoint)
    usual = USUAL_BUCKET if r2 is not None else ""
    name = settings.bucket or os.environ.get(BUCKET_VARIABLE, "").strip() or usual
    if not name:
        return None
    try:
        location = Location.parse(f"s3://{name.removeprefix('s3://').rstrip('/')}")
    except ValueError as error:
        raise UsageError(str(error)) from error
    access = r2 or _stored_access(name, settings.endpoint) or _usual_access(settings.endpoint)
    if access is None:
        raise StoreAccessError(
            f"The bucket {location.root} is not used, because there are no keys for it. Set "
            f"{', '.join(R2_VARIABLES[:-1])} and {R2_VARIABLES[-1]}, or what AWS's own tools read, "
            "before you start the program, or enter the keys in the window's preferences. For a "
            f"bucket that anyone may read, set {ANONYMOUS_VARIABLE}=YES."
        )
    folder = f"{location.path}/" if location.path else ""
    return BucketAccess(replace(location, path=folder), access)


def r2_access(endpoint: str = "") -> Access | None:
    """What R2's variables say; None unless all three are set.

    Args:
        endpoint: address of the service; where empty, that of ``AWS_ENDPOINT_URL_S3``, else that of
            the account.
    """
    account, key_id, secret = (os.environ.get(name, "").strip() for name in R2_VARIABLES)
    if not (account and key_id and secret):
        return None
    usual = f"https://{account}.r2.cloudflarestorage.com"
    address = endpoint or os.environ.get(ENDPOINT_VARIABLE, "").strip() or usual
    return Access(endpoint=address, key_id=key_id, secret=secret)


def _stored_access(bucket: str, endpoint: str) -> Access | None:
    """What the user entered in the window; None where that is nothing."""
    keys = stored_keys(bucket, endpoint)
    return None if keys is None else Access(endpoint, keys.key_id, keys.secret)


def _usual_access(endpoint: str) -> Access | None:
    """What boto3 finds, or that nobody asks for keys; None where that is nothing."""
    if os.environ.get(ANONYMOUS_VARIABLE, "").strip().lower() in ("yes", "true", "1", "on"):
        return Access(endpoint=endpoint, anonymous=True)
    import boto3
    from botocore.exceptions import BotoCoreError

    try:
        credentials = boto3.Session().get_credentials()
    except BotoCoreError:  # a profile that is not there, for one
        credentials = None
    return None if credentials is None else Access(endpoint=endpoint)
