"""The tags of the indexes that name an image, and how few calls find them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from ecr_controller import aws
from ecr_controller.errors import RetryableError
from ecr_controller.event_routing import ecr, index_tags
from ecr_controller.event_routing.ecr import ImageIndexes, TaggedIndex
from ecr_controller.event_routing.index_tags import tag_reader
from ecr_controller.manifests import MANIFEST_LISTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NAME = "team/app"
OCI = {"index": "application/vnd.oci.image.index.v1+json", "image": "application/vnd.oci.image.manifest.v1+json"}


def manifest(*entries: str) -> str:
    """An index of entries, each of which begins with its kind: ``image-1``, ``index-2``."""
    return json.dumps({"manifests": [{"digest": each, "mediaType": OCI[each.partition("-")[0]]} for each in entries]})


class Repositories:
    """Indexes in memory, and what was asked for."""

    def __init__(self, manifests: dict[str, str], *tagged: TaggedIndex) -> None:
        self.manifests, self.tagged = manifests, tagged
        self.looks, self.reads = 0, list[list[str]]()

    def describe_images(self, repository: str) -> Sequence[TaggedIndex]:
        assert repository == NAME
        self.looks += 1
        return self.tagged

    def batch_get_image(self, repository: str, digests: Sequence[str]) -> dict[str, str]:
        self.reads.append(list(digests))
        return {digest: self.manifests[digest] for digest in digests if digest in self.manifests}


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    index_tags._entries.clear()
    yield
    index_tags._entries.clear()


def test_the_tags_of_every_index_that_names_the_image_count() -> None:
    found = Repositories(
        {"index-1": manifest("image-1", "image-2"), "index-2": manifest("image-2"), "index-3": manifest("image-3")},
        TaggedIndex("index-1", ("v1", "latest")),
        TaggedIndex("index-2", ("v1", "v2")),
        TaggedIndex("index-3", ("v3",)),
    )
    tags_of = tag_reader(found)
    assert tags_of(NAME, "image-2") == ("v1", "latest", "v2")
    assert tags_of(NAME, "image-3") == ("v3",)
    assert tags_of(NAME, "image-4") == ()
    assert (found.looks, found.reads) == (1, [["index-1", "index-2", "index-3"]])


def test_an_index_is_read_once_and_its_tags_with_each_batch() -> None:
    found = Repositories({"index-1": manifest("image-1")}, TaggedIndex("index-1", ("v1",)))
    assert tag_reader(found)(NAME, "image-1") == ("v1",)
    found.tagged = (TaggedIndex("index-1", ("v2",)),)
    assert tag_reader(found)(NAME, "image-1") == ("v2",)
    assert (found.looks, len(found.reads)) == (2, 1)


def test_indexes_in_an_index_are_followed() -> None:
    found = Repositories(
        {"index-1": manifest("index-2"), "index-2": manifest("image-1", "index-1")}, TaggedIndex("index-1", ("v1",))
    )
    assert tag_reader(found)(NAME, "image-1") == ("v1",)
    assert tag_reader(found)(NAME, "index-2") == ("v1",)
    assert tag_reader(found)(NAME, "image-2") == ()
    assert found.reads == [["index-1"], ["index-2"]]


@pytest.mark.parametrize("manifests", [{}, {"index-1": "{"}, {"index-1": '{"manifests": [{}]}'}])
def test_an_index_that_is_gone_or_malformed_names_nothing(manifests: dict[str, str]) -> None:
    assert tag_reader(Repositories(manifests, TaggedIndex("index-1", ("v1",))))(NAME, "image-1") == ()


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_tags, "REMEMBERED", 1)
    names = [f"index-{number}" for number in range(9)]
    for name in names:
        found = Repositories({name: manifest("image-1")}, TaggedIndex(name, (name,)))
        assert tag_reader(found)(NAME, "image-1") == (name,)
    assert len(index_tags._entries) <= 2


# The calls


@pytest.fixture
def stub(moto: None) -> Iterator[Stubber]:
    with Stubber(aws.client("ecr")) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def detail(number: int, kind: str = "index") -> dict[str, Any]:
    return {
        "imageDigest": f"{kind}-{number}",
        "imageTags": [f"v{number}"],
        "imagePushedAt": datetime(2026, 11, number, tzinfo=UTC),
        "imageManifestMediaType": OCI[kind],
    }


def test_one_look_finds_the_newest_tagged_indexes(stub: Stubber, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ecr, "PAGES", 2)
    monkeypatch.setattr(ecr, "NEWEST", 2)
    asked = {"repositoryName": NAME, "filter": {"tagStatus": "TAGGED", "imageStatus": "ACTIVE"}, "maxResults": 1000}
    first = {"imageDetails": [detail(3), detail(1), detail(9, "image")], "nextToken": "2"}
    stub.add_response("describe_images", first, asked)
    stub.add_response("describe_images", {"imageDetails": [detail(2)], "nextToken": "3"}, asked | {"nextToken": "2"})
    assert ImageIndexes().describe_images(NAME) == (
        TaggedIndex("index-3", ("v3",)),
        TaggedIndex("index-2", ("v2",)),
    )


def test_a_repository_that_does_not_exist_has_no_indexes(stub: Stubber) -> None:
    stub.add_client_error("describe_images", "RepositoryNotFoundException")
    assert ImageIndexes().describe_images(NAME) == ()


def test_a_throttle_is_worth_a_retry(stub: Stubber) -> None:
    stub.add_client_error("describe_images", "ThrottlingException")
    with pytest.raises(RetryableError):
        ImageIndexes().describe_images(NAME)


def test_indexes_are_read_a_hundred_a_call(stub: Stubber) -> None:
    digests = [f"index-{number}" for number in range(101)]
    for asked in (digests[:100], digests[100:]):
        images = [{"imageId": {"imageDigest": each}, "imageManifest": each} for each in asked if each != "index-7"]
        stub.add_response(
            "batch_get_image",
            {"images": images},
            {
                "repositoryName": NAME,
                "imageIds": [{"imageDigest": each} for each in asked],
                "acceptedMediaTypes": sorted(MANIFEST_LISTS),
            },
        )
    assert ImageIndexes().batch_get_image(NAME, digests) == {each: each for each in digests if each != "index-7"}
