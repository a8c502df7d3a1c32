"""A promise of an event: the answer of its function, and what there is in AWS afterwards; and how that is found out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from local.invoke.worlds import GROUP, QUEUE, ROLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from local.invoke.worlds import Aws

# What tag keys and targets of rows begin with.
OWN_TAGS, ROUTES, LEDGERS = "ecr-controller:", "scan-route/", "owner/"
BASELINES = "baseline/"
# What is recorded of repositories.
RECORDS = ("baseline-repository/", "declared-repository/")


@dataclass(frozen=True, slots=True)
class Repository:
    """What is set on a repository: the number of its lifecycle rules, the logical id of its owner, the tags of users,
    and what its policy allows and demands, by grantee."""

    scan_on_push: bool = False
    tags_are: str = "MUTABLE"
    rules: int = 0
    owner: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    allows: Mapping[str, set[str]] = field(default_factory=dict)
    conditions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Promise:
    """``status`` and ``physical_id`` are of the answer to CloudFormation, if there is one; ``data`` are some of its
    attributes, and ``reasons`` parts of its reason. ``returned`` is the result of the function, and ``after`` what is
    `found` then."""

    status: str | None = None
    physical_id: str | None = None
    after: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    returned: Any = None

    def broken(self, answer: Mapping[str, Any] | None, returned: Any) -> Iterator[str]:
        """What of the promise is not kept, except for what there is afterwards."""
        sent = answer or {}
        for what, promised, given in (
            ("status", self.status, sent.get("Status")),
            ("physical id", self.physical_id, sent.get("PhysicalResourceId")),
            ("result", self.returned, returned),
            *((name, value, sent.get("Data", {}).get(name)) for name, value in self.data.items()),
        ):
            if given != promised:
                yield f"{what}: {given}, not {promised} ({sent.get('Reason')})"
        yield from (f"no {reason!r} in {sent.get('Reason')}" for reason in self.reasons if reason not in sent["Reason"])


def found(aws: Aws, controller: Mapping[str, str]) -> dict[str, Any]:
    """What there is in AWS, without what is empty. ``controller`` are the physical ids of its resources by their
    logical ids. Messages are taken from their queues."""
    kinds: dict[str, Callable[[], Any]] = {
        "repositories": lambda: _repositories(aws.client("ecr")),
        "in use": lambda: _in_use(aws.client("ecr")),
        "scanned": lambda: _scanned(aws.client("ecr")),
        "attached": lambda: _attached(aws.client("iam")),
        "routes": lambda: _routes(_rows(aws, controller["PartsTable"])),
        "parts": lambda: _targets(_rows(aws, controller["PartsTable"])),
        "held": lambda: _held_without_part(_rows(aws, controller["PartsTable"])),
        "delivered": lambda: _delivered(aws.client("sqs")),
        "dead letters": lambda: [_letter(each) for each in _taken(aws.client("sqs"), controller["ScanDeadLetters"])],
        "baselines": lambda: _baselines(_rows(aws, controller["PartsTable"])),
        "to resync": lambda: [
            json.loads(each["Body"])["RepositoryName"] for each in _taken(aws.client("sqs"), controller["ResyncQueue"])
        ],
        "to rescan": lambda: [each["Body"] for each in _taken(aws.client("sqs"), controller["RescanQueue"])],
    }
    return {kind: value for kind, look in kinds.items() if (value := look())}


def _repositories(ecr: Any) -> dict[str, Repository]:
    return {each["repositoryName"]: _repository(ecr, each) for each in ecr.describe_repositories()["repositories"]}


def _repository(ecr: Any, described: Any) -> Repository:
    name, tagged = described["repositoryName"], ecr.list_tags_for_resource(resourceArn=described["repositoryArn"])
    tags = {each["Key"]: each["Value"] for each in tagged["tags"]}
    statements = {_grantee(each): each for each in _entries(ecr.get_repository_policy, name, "policyText", "Statement")}
    return Repository(
        described["imageScanningConfiguration"]["scanOnPush"],
        described["imageTagMutability"],
        len(_entries(ecr.get_lifecycle_policy, name, "lifecyclePolicyText", "rules")),
        tags.get(f"{OWN_TAGS}logical-id"),
        {key: value for key, value in tags.items() if not key.startswith(OWN_TAGS)},
        {grantee: {action.removeprefix("ecr:") for action in each["Action"]} for grantee, each in statements.items()},
        {grantee: _conditions(each) for grantee, each in statements.items() if "Condition" in each},
    )


def _entries(get: Callable[..., Any], repository: str, text: str, member: str) -> list[Any]:
    """The entries of a policy document, none where there is none."""
    try:
        entries: list[Any] = json.loads(get(repositoryName=repository)[text])[member]
    except ClientError as error:
        if "PolicyNotFound" not in error.response["Error"]["Code"]:
            raise
        return []
    return entries


def _grantee(statement: Any) -> str:
    """`<account>:role/<name>` and the like, a service, or `*`."""
    principal = statement["Principal"]
    [name] = principal.values() if isinstance(principal, dict) else [principal]
    return str(name).removeprefix("arn:aws:iam::")


def _conditions(statement: Any) -> dict[str, str]:
    return {key: value for keys in statement["Condition"].values() for key, value in keys.items()}


def _in_use(ecr: Any) -> list[str]:
    """The other tags of the images that are held because they are in use."""
    tags = []
    for name in [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]]:
        for image in ecr.describe_images(repositoryName=name)["imageDetails"]:
            found = image.get("imageTags", [])
            if any(each.startswith("ecr-controller-in-use-") for each in found):
                tags += [each for each in found if not each.startswith("ecr-controller-")]
    return sorted(tags)


def _scanned(ecr: Any) -> list[str]:
    """The tags of the images that have been scanned."""
    tags = []
    for name in [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]]:
        for image in ecr.describe_images(repositoryName=name)["imageDetails"]:
            try:
                ecr.describe_image_scan_findings(repositoryName=name, imageId={"imageDigest": image["imageDigest"]})
            except ecr.exceptions.ScanNotFoundException:
                continue
            tags += image.get("imageTags", ["untagged"])
    return sorted(tags)


def _attached(iam: Any) -> dict[str, list[str]]:
    """The policies attached to the role and to the group of the worlds."""
    lists = {}
    if ROLE in [each["RoleName"] for each in iam.list_roles()["Roles"]]:
        lists[ROLE] = iam.list_attached_role_policies(RoleName=ROLE)["AttachedPolicies"]
    if GROUP in [each["GroupName"] for each in iam.list_groups()["Groups"]]:
        lists[GROUP] = iam.list_attached_group_policies(GroupName=GROUP)["AttachedPolicies"]
    return {name: [_token(each["PolicyName"]) for each in policies] for name, policies in lists.items() if policies}


def _token(policy: str) -> str:
    return "public gallery token" if "PublicGallery" in policy else "token"


def _rows(aws: Aws, table: str) -> list[tuple[str, str, Any]]:
    """The rows of the table of parts: the target, the owner and the content."""
    items = aws.client("dynamodb").scan(TableName=table)["Items"]
    return [(each["target"]["S"], each["owner"]["S"], json.loads(each["content"]["S"])) for each in items]


def _targets(rows: list[tuple[str, str, Any]]) -> list[str]:
    """The targets of documents that have parts."""
    return sorted(target for target, *_ in rows if not target.startswith((ROUTES, LEDGERS, BASELINES, *RECORDS)))


def _held_without_part(rows: list[tuple[str, str, Any]]) -> list[str]:
    """What the ledgers have that is no part: the repositories whose lifecycle policy is ours."""
    targets = {target for target, *_ in rows}
    return sorted(held for target, held, _ in rows if target.startswith(LEDGERS) and held.split("|")[0] not in targets)


def _routes(rows: list[tuple[str, str, Any]]) -> dict[str, Any]:
    """The targets and the minimum severity of each route, by its repositories."""
    return {
        name.removeprefix(ROUTES): ([arn.rpartition(":")[2] for arn in content["targets"]], content["minimumSeverity"])
        for name, _, content in rows
        if name.startswith(ROUTES)
    }


def _delivered(sqs: Any) -> list[tuple[str, ...]]:
    """The repository and the tags of each event in the queue of the worlds, with its name, or the type and the status
    of a scan."""
    try:
        url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    except sqs.exceptions.QueueDoesNotExist:
        return []
    messages = [json.loads(each["Body"]) for each in _taken(sqs, url)]
    return [(each["repositoryName"], *_kind(each), *each["imageTags"]) for each in messages]


def _kind(message: Any) -> tuple[str, ...]:
    return (message["event"],) if "event" in message else (message["scanType"], message["scanStatus"])


def _taken(sqs: Any, url: str) -> list[Any]:
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    messages: list[Any] = received.get("Messages", [])
    return messages


def _letter(message: Any) -> tuple[str, str]:
    return message["Body"], message["MessageAttributes"]["Reason"]["StringValue"]


def _baselines(rows: list[tuple[str, str, Any]]) -> list[str]:
    """The patterns of the stored baselines."""
    return [target.removeprefix(BASELINES) for target, *_ in rows if target.startswith(BASELINES)]
