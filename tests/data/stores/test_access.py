"""Who is let into what: variables, the keyring, or what libraries find by themselves."""

from __future__ import annotations

import pytest

from diffviews_desktop import credentials
from diffviews_desktop.credentials import BucketKeys
from diffviews_desktop.data.stores.access import access_of, has_keys
from diffviews_desktop.data.stores.store import NO_KEYS, Access
from diffviews_desktop.values.locations import Location

R2 = {"R2_ACCOUNT_ID": "account", "R2_ACCESS_KEY_ID": "id", "R2_SECRET_ACCESS_KEY": "secret"}
OURS, OTHER = Location.parse("s3://diffviews/data"), Location.parse("s3://other")

pytestmark = pytest.mark.usefixtures("ring")


def test_the_variables_of_r2_are_for_its_bucket_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert access_of(OURS) == Access()
    for name, value in R2.items():
        monkeypatch.setenv(name, value)
    of_r2 = Access("https://account.r2.cloudflarestorage.com", "id", "secret")
    assert access_of(OURS) == of_r2
    assert access_of(OTHER) == Access()
    monkeypatch.setenv("R2_BUCKET_NAME", "other")
    assert access_of(OTHER) == of_r2


def test_entered_keys_count_for_the_bucket_that_they_were_entered_for() -> None:
    credentials.store_keys("other", "https://host", BucketKeys("id", "secret"))
    assert access_of(OTHER, "https://host") == Access("https://host", "id", "secret")
    assert access_of(OTHER) == Access()
    assert access_of(OURS, "https://host") == Access("https://host")


def test_no_keys_of_buckets_go_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in R2.items():
        monkeypatch.setenv(name, value)
    assert access_of(Location.parse("https://host/file")) is NO_KEYS
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror")
    assert access_of(Location.parse("hf://group/weights")) == Access(endpoint="https://mirror")


def test_whether_a_private_bucket_need_not_be_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not has_keys("diffviews")
    assert has_keys("diffviews", "https://host")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://host")
    assert has_keys("diffviews")
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    credentials.store_keys("diffviews", "", BucketKeys("id", "secret"))
    assert has_keys("diffviews")
