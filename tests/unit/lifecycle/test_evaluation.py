"""The worked examples of the user guide, and its rules one by one. Each comment says which rule is shown; the rules
are numbered in ``slow_evaluation.py``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller.errors import UserError
from ecr_controller.lifecycle.evaluation import Evaluation, Reading, RuleOutcome, evaluate
from ecr_controller.lifecycle.images import Image, parse_images
from ecr_controller.lifecycle.policy import LifecyclePolicy, Rule, TagStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
EXACTLY_A_DAY = timedelta(days=1)
JUST_OVER_A_DAY = EXACTLY_A_DAY + timedelta(microseconds=1)


def ago(days: float) -> datetime:
    """A time before now."""
    return NOW - timedelta(days=days)


def image(digest: str, days: float, *tags: str, **members: Any) -> Image:
    """An image pushed some days ago."""
    return Image(digest, ago(days), tags, **members)


def archived(digest: str, days: float, *tags: str, since: float, **members: Any) -> Image:
    """An image in the archive since some days."""
    return image(digest, days, *tags, storage_class="archive", last_archived_at=ago(since), **members)


def count(priority: int, number: int, *prefixes: str, **members: Any) -> Rule:
    """A rule that keeps so many images with the prefixes, or of all of them."""
    status: TagStatus = "tagged" if prefixes or "tag_patterns" in members else "any"
    return Rule(priority, status, "imageCountMoreThan", number, tag_prefixes=prefixes, **members)


def run(images: Sequence[Image], *rules: Rule) -> Evaluation:
    """The evaluation now."""
    return evaluate(LifecyclePolicy(rules), images, NOW)


def digests(evaluation: Evaluation, action: str) -> str:
    """The digests of the images with the action, in a row."""
    return "".join(fate.image.digest for fate in evaluation.fates if fate.action == action)


def rule_of(evaluation: Evaluation, digest: str) -> tuple[int | None, int | None]:
    """The rule that acts on the image, and the rule that claims it."""
    return next((f.rule_priority, f.claimed_by) for f in evaluation.fates if f.image.digest == digest)


# The worked examples of the guide.


def test_a_single_rule_expires_all_but_the_youngest() -> None:
    # Rules 7 and 9: sorted by time of push, everything past the count goes. Others are untouched.
    images = [image("A", 10, "prod-1"), image("B", 9, "prod-2"), image("C", 8, "prod-3"), image("D", 7, "beta-1")]
    evaluation = run(images, count(1, 1, "prod"))
    assert digests(evaluation, "expire") == "AB"
    assert rule_of(evaluation, "A") == (1, 1)
    assert rule_of(evaluation, "C") == (None, 1)
    assert rule_of(evaluation, "D") == (None, None)


TWO_STAGES = [image("A", 10, "beta-1", "prod-1"), image("B", 9, "beta-2", "prod-2"), image("C", 8, "beta-3")]


def test_multiple_rules_a_what_a_higher_rule_keeps_no_lower_rule_expires() -> None:
    # Rule 3: prod claims A and B though it expires A alone. Beta identifies A and B past its one, and must leave B.
    evaluation = run(TWO_STAGES, count(1, 1, "prod"), count(2, 1, "beta"))
    assert digests(evaluation, "expire") == "A"
    assert rule_of(evaluation, "B") == (None, 1)
    assert rule_of(evaluation, "C") == (None, 2)


def test_multiple_rules_b_the_other_priority_has_another_outcome() -> None:
    # Rule 1: beta goes first now and expires A and B. Nothing is left for prod to claim.
    evaluation = run(TWO_STAGES, count(1, 1, "beta"), count(2, 1, "prod"))
    assert digests(evaluation, "expire") == "AB"
    assert rule_of(evaluation, "B") == (1, 1)
    assert evaluation.shadowed_rules == (2,)


def test_all_images_a_any_takes_what_no_other_rule_claimed() -> None:
    # Rule 4: any identifies all four, and D is the one it keeps, though alpha claimed it.
    images = [image("A", 4, "alpha-1"), image("B", 3, "beta-1"), image("C", 2), image("D", 1, "alpha-2")]
    evaluation = run(images, count(1, 1, "alpha"), count(2, 1))
    assert digests(evaluation, "expire") == "ABC"
    assert [rule_of(evaluation, digest)[0] for digest in "ABCD"] == [1, 2, 2, None]


def test_all_images_b_three_rules_and_two_images_of_one_age() -> None:
    # Rules 3, 4, 7 and 9. E is 1 day old, which is not older than 1 day, and it is newer than D by its later place.
    images = [image("A", 4, "alpha-1", "beta-1"), image("B", 3), image("C", 2, "alpha-2"), image("D", 1, "githash")]
    images.append(image("E", 1))
    evaluation = run(images, count(1, 1, "alpha"), Rule(2, "untagged", "sinceImagePushed", 1), count(3, 1))
    assert digests(evaluation, "expire") == "ABD"
    assert [rule_of(evaluation, digest) for digest in "ABCDE"] == [(1, 1), (2, 2), (None, 1), (3, 3), (None, 2)]


def test_archive_and_expire_combine_by_storage_class() -> None:
    # Rule 3 is per storage class: the first rule claims all of standard and nothing of the archive.
    images = [image("A", 40), image("B", 20), archived("C", 400, since=91), archived("D", 400, since=89)]
    evaluation = run(
        images,
        Rule(1, "any", "sinceImagePushed", 30, action="transition"),
        Rule(2, "any", "sinceImageTransitioned", 90, storage_class="archive"),
    )
    assert digests(evaluation, "archive") == "A"
    assert digests(evaluation, "expire") == "C"
    assert rule_of(evaluation, "D") == (None, 2)


# The rules one by one.


def test_claimed_images_still_count_toward_what_a_lower_rule_keeps() -> None:
    # Rule 4: any keeps the two youngest, C and D, of which the first rule claimed D. So it keeps no B in place of D.
    images = [image("A", 4), image("B", 3), image("C", 2), image("D", 1, "prod")]
    assert digests(run(images, count(1, 5, "prod"), count(2, 2)), "expire") == "AB"


@pytest.mark.parametrize(("pulled", "restored", "action"), [
    (None, None, "archive"),
    (1, None, "keep"),
    (31, None, "archive"),
    (None, 1, "keep"),
    (50, 1, "keep"),
    (50, 31, "archive"),
    (1, 50, "keep"),
    (31, 50, "archive"),
])  # fmt: skip
def test_since_image_pulled_counts_from_the_last_pull_or_push_or_restore(
    pulled: float | None, restored: float | None, action: str
) -> None:
    # Rule 7 for pulls: the last pull; the push if never pulled; the restore if not pulled since.
    one = image(
        "A",
        60,
        last_pulled_at=None if pulled is None else ago(pulled),
        last_activated_at=None if restored is None else ago(restored),
    )
    evaluation = run([one], Rule(1, "any", "sinceImagePulled", 30, action="transition"))
    assert evaluation.fates[0].action == action


@pytest.mark.parametrize("rule", [count(1, 1), Rule(1, "any", "sinceImagePushed", 15)])
def test_a_restored_image_counts_as_pushed_when_it_was_restored(rule: Rule) -> None:
    # Rule 7: last_activated_at replaces pushed_at for good, for counts and for ages.
    images = [image("A", 90, last_activated_at=ago(5)), image("B", 20)]
    assert digests(run(images, rule), "expire") == "B"


def test_since_image_transitioned_counts_from_the_archiving_alone() -> None:
    # Rule 7, "or transitioned_at_time". Where that time is unknown nothing is expired.
    images = [archived("A", 400, since=91), archived("B", 400, since=90), image("C", 400, storage_class="archive")]
    assert digests(run(images, Rule(1, "any", "sinceImageTransitioned", 90, storage_class="archive")), "expire") == "A"


@pytest.mark.parametrize(("age", "action"), [(EXACTLY_A_DAY, "keep"), (JUST_OVER_A_DAY, "expire")])
@pytest.mark.parametrize("offset", [-8, 0, 5])
def test_an_age_is_past_only_if_strictly_older_in_days_of_24_hours(age: timedelta, action: str, offset: int) -> None:
    # Rule 9, in whatever time zone the time of push is given.
    one = Image("A", (NOW - age).astimezone(timezone(timedelta(hours=offset))))
    assert run([one], Rule(1, "any", "sinceImagePushed", 1)).fates[0].action == action


def test_an_age_of_more_days_than_there_were_expires_nothing() -> None:
    # Rule 9. ECR documents no largest countNumber.
    assert run([image("A", 9)], Rule(1, "any", "sinceImagePushed", 10**12)).counts["expire"] == 0


def test_every_entry_of_a_list_must_match_but_not_the_same_tag() -> None:
    # Rule 8: entries are ANDed, and further tags are of no matter.
    images = [image("A", 3, "alpha-1", "beta-1", "x"), image("B", 2, "alpha-2"), image("C", 1, "alpha-beta")]
    assert run(images, count(1, 1, "alpha", "beta")).rules[0].matched == 1
    assert run(images, count(1, 1, tag_patterns=("alpha*", "*beta*"))).rules[0].matched == 2


@pytest.mark.parametrize(("pattern", "tags"), [
    ("prod*", "prod prod1 production-team1"),
    ("*prod*", "prod prod1 production-team1 repo-production"),
    ("*prod", "prod"),
    ("prod", "prod"),
    ("p*d*1", "prod1 production-team1"),
    ("*o*o*", "production-team1 repo-production"),
    ("*", "prod prod1 production-team1 repo-production 1.0 1-0"),
    ("**", "prod prod1 production-team1 repo-production 1.0 1-0"),
    ("1.0", "1.0"),
    ("*.*", "1.0"),
    ("1?0", ""),
    ("[p]rod", ""),
    ("pro", ""),
    ("", ""),
])  # fmt: skip
def test_a_pattern_is_about_the_whole_tag(pattern: str, tags: str) -> None:
    # Rule 8: * is any run of characters, also none, and the only one that is special.
    images = [image(tag, 1, tag) for tag in ("prod", "prod1", "production-team1", "repo-production", "1.0", "1-0")]
    claimed = [f.image.digest for f in run(images, count(1, 9, tag_patterns=(pattern,))).fates if f.claimed_by]
    assert claimed == tags.split()


def test_a_prefix_is_the_start_of_a_tag_and_knows_no_wildcard() -> None:
    # Rule 8 for prefix lists.
    images = [image("A", 3, "prod-1"), image("B", 2, "preprod"), image("C", 1, "Prod")]
    assert run(images, count(1, 9, "prod"), count(2, 9, "p*")).rules == (
        RuleOutcome(1, 1, 1, 0, 0),
        RuleOutcome(2, 0, 0, 0, 0),
    )


def test_a_manifest_list_that_stays_holds_its_images_but_they_still_count() -> None:
    # Rule 6: A and B are marked, and A is held. C is kept, by the count.
    images = [image("L", 9, "v1", children=("A",)), image("A", 9), image("B", 8), image("C", 7)]
    evaluation = run(images, count(1, 5, "v"), Rule(2, "untagged", "imageCountMoreThan", 1))
    assert digests(evaluation, "expire") == "B"
    assert rule_of(evaluation, "A") == (None, 2)
    assert evaluation.rules[1] == RuleOutcome(2, matched=3, claimed=3, marked=2, acted=1)


def test_a_manifest_list_that_goes_lets_its_images_go() -> None:
    # Rule 6.
    images = [image("L", 9, "v1", children=("A",)), image("A", 9), image("M", 1, "v2", children=("B",)), image("B", 1)]
    assert digests(run(images, count(1, 1, "v"), Rule(2, "untagged", "sinceImagePushed", 3)), "expire") == "LA"


def test_an_image_of_two_manifest_lists_goes_only_with_the_last() -> None:
    # Rule 6.
    lists = [image("L", 9, "v1", children=("A",)), image("M", 1, "v2", children=("A",))]
    images = [*lists, image("A", 9)]
    assert digests(run(images, count(1, 1, "v"), Rule(2, "untagged", "sinceImagePushed", 3)), "expire") == "L"


def test_a_manifest_list_within_one_that_stays_holds_its_own_images() -> None:
    # Rule 6, twice.
    images = [image("L", 9, "v1", children=("M",)), image("M", 9, children=("A",)), image("A", 9)]
    assert run(images, Rule(1, "untagged", "sinceImagePushed", 3)).counts == {"expire": 0, "archive": 0, "keep": 3}


def test_a_manifest_list_in_the_archive_holds_nothing() -> None:
    # Rule 6: until the manifest list is expired or archived, and it is.
    images = [archived("L", 9, "v1", since=1, children=("A",)), image("A", 9)]
    assert digests(run(images, Rule(1, "untagged", "sinceImagePushed", 3, action="transition")), "archive") == "A"


def test_reference_artifacts_go_with_their_subject() -> None:
    # Rule 10: within 24 hours. T signs the SBOM S, and U signs what stays.
    images = [image("A", 9, "v1"), image("B", 1, "v2"), image("T", 1, subject="S")]
    images += [image("S", 1, subject="A"), image("U", 1, subject="B")]
    evaluation = run(images, count(1, 1, "v"))
    assert digests(evaluation, "expire") == "ATS"
    assert {fate.image.digest: fate.subject for fate in evaluation.fates if fate.subject} == {"S": "A", "T": "S"}
    assert (evaluation.counts["expire"], evaluation.referrers["expire"], evaluation.affected) == (1, 2, 3)


def test_reference_artifacts_are_archived_with_their_subject_unless_they_are() -> None:
    images = [image("A", 9, "v1"), image("B", 1, "v2"), image("S", 1, subject="A")]
    images += [archived("T", 9, since=5, subject="A")]
    evaluation = run(images, Rule(1, "tagged", "imageCountMoreThan", 1, action="transition", tag_prefixes=("v",)))
    assert digests(evaluation, "archive") == "AS"
    assert evaluation.referrers == {"expire": 0, "archive": 1}


def test_a_reference_artifact_that_an_index_refers_to_stays_with_the_index() -> None:
    images = [image("L", 1, "v2", children=("S",)), image("A", 9, "v1"), image("S", 1, subject="A")]
    assert digests(run(images, count(1, 1, "v")), "expire") == "A"


# What the guide does not say.


def test_the_images_of_an_index_take_places_or_not() -> None:
    # 22 images and an index of two: 5 go beyond 20 if they take places, otherwise 3.
    images = [image(f"{number:02}", 30 - number, f"v{number}") for number in range(22)]
    images += [image("x", 1), image("y", 1), image("z", 1, "latest", children=("x", "y"))]
    policy = LifecyclePolicy((Rule(1, "any", "imageCountMoreThan", 20),))
    gone = [evaluate(policy, images, NOW, Reading(ranks_children=ranked)).affected for ranked in (True, False)]
    assert gone == [5, 3]


def test_an_untagged_rule_takes_the_signature_of_a_kept_image_or_not() -> None:
    images = [image("A", 9, "v1"), image("S", 9, subject="A"), image("T", 9, subject="gone"), image("U", 9)]
    policy = LifecyclePolicy((Rule(1, "untagged", "sinceImagePushed", 3),))
    taken = [
        digests(evaluate(policy, images, NOW, Reading(untagged_takes_referrers=takes)), "expire")
        for takes in (True, False)
    ]
    assert taken == ["STU", "TU"]


def test_an_image_of_an_unknown_status_is_matched_by_no_rule() -> None:
    [found] = parse_images([{"imageDigest": "A", "imagePushedAt": 0, "imageStatus": "FROZEN"}])
    evaluation = run([found], Rule(1, "any", "sinceImagePushed", 1))
    assert (evaluation.counts["keep"], evaluation.rules[0].matched) == (1, 0)


# The summary.


def test_the_summary_counts_images_bytes_and_rules() -> None:
    # Expired images free their bytes; archived ones and the largest image counted again by a manifest list do not.
    images = [
        image("A", 9, "a1", size_in_bytes=1),
        image("B", 8, "a2", size_in_bytes=10),
        image("C", 9, size_in_bytes=100),
        image("L", 9, "a3", size_in_bytes=1000, media_type="application/vnd.oci.image.index.v1+json"),
    ]
    evaluation = run(
        images,
        Rule(1, "tagged", "sinceImagePushed", 5, tag_prefixes=("a",)),
        count(2, 1, "a1"),
        count(3, 1, "b"),
        Rule(4, "untagged", "sinceImagePushed", 5, action="transition"),
    )
    assert evaluation.counts == {"expire": 3, "archive": 1, "keep": 0}
    assert evaluation.bytes_freed == 11
    assert [fate.bytes_freed for fate in evaluation.fates] == [1, 10, 0, 0]
    assert evaluation.shadowed_rules == (2,)
    assert evaluation.unmatched_rules == (3,)


def test_nothing_happens_without_rules_or_without_images() -> None:
    assert run([image("A", 9)]).fates[0].claimed_by is None
    assert run([], count(1, 1), count(2, 1, tag_patterns=("*a*",))).unmatched_rules == (1, 2)


# Images as DescribeImages returns them.


@pytest.mark.parametrize("time", [
    datetime(2026, 10, 1, 10, 30, tzinfo=UTC),
    datetime(2026, 10, 1, 12, 30, tzinfo=timezone(timedelta(hours=2))),
    1_790_850_600,
    1_790_850_600.0,
    "2026-10-01T10:30:00Z",
    "2026-10-01T12:30:00+02:00",
    "2026-10-01T10:30:00",
])  # fmt: skip
def test_a_time_may_be_a_datetime_a_number_or_text(time: object) -> None:
    [parsed] = parse_images([{"imageDigest": "A", "imagePushedAt": time}])
    assert parsed == Image("A", datetime(2026, 10, 1, 10, 30, tzinfo=UTC))
    assert parsed.pushed_at.tzinfo is UTC


def test_every_member_that_matters_is_read() -> None:
    detail = {
        "registryId": "123456789012",
        "repositoryName": "team/app",
        "imageDigest": "A",
        "imageTags": ["v1", "v2"],
        "imageSizeInBytes": 5,
        "imagePushedAt": ago(9),
        "imageManifestMediaType": "application/vnd.docker.distribution.manifest.list.v2+json",
        "lastRecordedPullTime": ago(8),
        "imageStatus": "ARCHIVED",
        "lastArchivedAt": ago(7),
        "lastActivatedAt": ago(6),
        "subjectManifestDigest": "S",
    }
    [parsed] = parse_images({"imageDetails": [detail]}, children={"A": ["B", "C"]})
    assert parsed == Image(
        digest="A",
        pushed_at=ago(9),
        tags=("v1", "v2"),
        size_in_bytes=5,
        storage_class="archive",
        last_pulled_at=ago(8),
        last_archived_at=ago(7),
        last_activated_at=ago(6),
        media_type="application/vnd.docker.distribution.manifest.list.v2+json",
        children=("B", "C"),
        subject="S",
    )
    assert parsed.is_manifest_list


@pytest.mark.parametrize(("status", "stored"), [
    (None, "standard"),
    ("ACTIVE", "standard"),
    ("ARCHIVED", "archive"),
    ("ACTIVATING", "archive"),
])  # fmt: skip
def test_the_status_determines_the_storage_class(status: str | None, stored: str) -> None:
    [parsed] = parse_images([{"imageDigest": "A", "imagePushedAt": 0, "imageStatus": status}])
    assert parsed.storage_class == stored


@pytest.mark.parametrize(("detail", "message"), [
    ({"imagePushedAt": 0}, "imageDetails[1].imageDigest: is missing"),
    ({"imageDigest": "A"}, "imageDetails[1].imagePushedAt: is missing"),
    ({"imageDigest": ["A"], "imagePushedAt": 0}, "imageDetails[1].imageDigest: must be a string"),
    ({"imageDigest": "A", "imagePushedAt": "yesterday"}, "imageDetails[1].imagePushedAt: 'yesterday' is not a time"),
    ({"imageDigest": "A", "imagePushedAt": 1e30}, "imageDetails[1].imagePushedAt: 1e+30 is not a time"),
    ({"imageDigest": "A", "imagePushedAt": []}, "imageDetails[1].imagePushedAt: [] is not a time"),
    ({"imageDigest": "A", "imagePushedAt": 0, "imageTags": "v1"}, "imageDetails[1].imageTags: must be a list"),
    ({"imageDigest": "A", "imagePushedAt": 0, "imageSizeInBytes": "5"}, "imageDetails[1].imageSizeInBytes: must be a"),
    ({"imageDigest": "A", "imagePushedAt": 0, "imageStatus": 1}, "imageDetails[1].imageStatus: must be a string"),
    ("A", "imageDetails[1]: must be an object"),
])  # fmt: skip
def test_what_is_wrong_with_an_image_is_said_with_its_place(detail: Any, message: str) -> None:
    with pytest.raises(UserError) as raised:
        parse_images([{"imageDigest": "A", "imagePushedAt": 0}, detail])
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize("document", [{}, {"imageDetails": None}, "imageDetails"])
def test_a_document_without_image_details_is_refused(document: Any) -> None:
    with pytest.raises(UserError, match="must be a list"):
        parse_images(document)
