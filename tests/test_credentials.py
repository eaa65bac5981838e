"""Keys of buckets in the system's keyring."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeyring

from diffviews_desktop import credentials
from diffviews_desktop.credentials import BucketKeys
from diffviews_desktop.errors import KeyringError

SECRET = "planted-secret-9f3c"
KEYS = BucketKeys("key-id-77aa", SECRET)


@pytest.fixture
def no_ring() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())
    yield
    keyring.set_keyring(before)


def test_keys_are_kept_by_bucket_and_endpoint(ring: Path) -> None:
    assert credentials.has_keyring()
    assert credentials.stored_keys("shared") is None
    credentials.store_keys("shared", "", KEYS)
    credentials.store_keys("shared", "https://host/", BucketKeys("other", "another"))
    assert credentials.stored_keys("shared") == KEYS
    assert credentials.stored_keys("shared", "https://host") == BucketKeys("other", "another")
    credentials.forget_keys("shared")
    credentials.forget_keys("shared")
    assert credentials.stored_keys("shared") is None
    assert credentials.stored_keys("shared", "https://host") is not None


def test_keys_show_nothing_of_themselves_and_stay_in_their_process() -> None:
    assert SECRET not in repr(KEYS)
    assert KEYS.key_id not in repr(KEYS)
    with pytest.raises(TypeError):
        pickle.dumps(KEYS)


@pytest.mark.parametrize("kept", ["", "{", "[]", '{"key_id": "a"}', '{"key_id": 1, "secret": "b"}'])
def test_what_another_program_keeps_under_the_name_is_no_key(ring: Path, kept: str) -> None:
    keyring.set_password(credentials.SERVICE, "s3/shared", kept)
    assert credentials.stored_keys("shared") is None


def test_a_keyring_that_refuses_is_an_error_that_quotes_nothing(ring: Path) -> None:
    ring.write_text("locked")
    for ask in (
        lambda: credentials.stored_keys("shared"),
        lambda: credentials.store_keys("shared", "", KEYS),
        lambda: credentials.forget_keys("shared"),
    ):
        with pytest.raises(KeyringError, match=r"\(RuntimeError\)\. Unlock it") as raised:
            ask()
        assert "quotes a secret" not in str(raised.value)


def test_without_a_keyring_variables_are_named(no_ring: None) -> None:
    assert not credentials.has_keyring()
    assert credentials.stored_keys("shared") is None
    with pytest.raises(KeyringError, match="R2_ACCESS_KEY_ID"):
        credentials.store_keys("shared", "", KEYS)
