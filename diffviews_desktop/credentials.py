"""The keys of a bucket that the user entered, in the keyring of the system.

They are never written anywhere else, and never sent to another process: each that needs them asks
the keyring. Where there is none, variables such as ``R2_ACCESS_KEY_ID`` are the only way.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, NoReturn

from diffviews_desktop.errors import KeyringError
from diffviews_desktop.text.translation import marked, tr

SERVICE = "diffviews-desktop"
"""What the system's keyring calls this program."""
MOST_LETTERS = 1000
"""Of a key."""
NO_KEYRING = marked(
    "This system has no keyring. Set the variables R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY "
    "before you start the program."
)


@dataclass(frozen=True)
class BucketKeys:
    """An access key of an S3 service."""

    key_id: str = field(repr=False)
    secret: str = field(repr=False)

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys are not sent to other processes")


def has_keyring() -> bool:
    """Whether this system has a keyring that keys can be kept in."""
    from keyring.backends import fail, null

    return not isinstance(_keyring(), fail.Keyring | null.Keyring)


def stored_keys(bucket: str, endpoint: str = "") -> BucketKeys | None:
    """The keys of a bucket; None where none are kept, or there is no keyring.

    Raises:
        KeyringError: the keyring is there but cannot be asked.
    """
    if not has_keyring():
        return None
    try:
        text = _keyring().get_password(SERVICE, _name(bucket, endpoint))
    except Exception as error:  # every backend has errors of its own
        raise _refusal(error) from error
    return None if text is None else _read(text)


def store_keys(bucket: str, endpoint: str, keys: BucketKeys) -> None:
    """Keep the keys of a bucket; those before are replaced.

    Raises:
        KeyringError: there is no keyring, or it refuses.
    """
    if not has_keyring():
        raise KeyringError(tr(NO_KEYRING))
    text = json.dumps({"key_id": keys.key_id, "secret": keys.secret})
    try:
        _keyring().set_password(SERVICE, _name(bucket, endpoint), text)
    except Exception as error:
        raise _refusal(error) from error


def forget_keys(bucket: str, endpoint: str = "") -> None:
    """Take the keys of a bucket out of the keyring; nothing where none are there.

    Raises:
        KeyringError: the keyring refuses.
    """
    if stored_keys(bucket, endpoint) is None:
        return
    try:
        _keyring().delete_password(SERVICE, _name(bucket, endpoint))
    except Exception as error:
        raise _refusal(error) from error


def _keyring() -> Any:
    import keyring

    return keyring.get_keyring()


def _name(bucket: str, endpoint: str) -> str:
    return f"{endpoint.rstrip('/') or 's3'}/{bucket}"


def _read(text: str) -> BucketKeys | None:
    """What `store_keys` kept; None where something else is kept under that name."""
    try:
        entry = json.loads(text)
        key_id, secret = entry["key_id"], entry["secret"]
    except (ValueError, LookupError, TypeError):
        return None
    is_key = all(type(one) is str and 0 < len(one) <= MOST_LETTERS for one in (key_id, secret))
    return BucketKeys(key_id, secret) if is_key else None


def _refusal(error: Exception) -> KeyringError:
    # not what it says: a backend may quote what it was given
    return KeyringError(
        f"The keyring of this system refused ({type(error).__name__}). Unlock it and try again, or "
        "set R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY before you start the program."
    )
