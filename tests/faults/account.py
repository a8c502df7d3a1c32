"""The AWS account of the scenarios, on moto: what the controller uses, what belongs to others, and its whole state."""

from __future__ import annotations

import copy
import json
from functools import cache
from typing import Any

import boto3

from tests.faults.cloudformation import ACCOUNT, REGION, Json
from tests.unit.deployed import deploy

LIFECYCLE_OF_A_PERSON = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 7,
                "description": "written by a person",
                "selection": {
                    "tagStatus": "untagged",
                    "countType": "sinceImagePushed",
                    "countUnit": "days",
                    "countNumber": 77,
                },
                "action": {"type": "expire"},
            }
        ]
    }
)
ADOPTABLE = ("adopt/app", "lifecycle/app", "lifecycle/bare")
"""Repositories that belong to no stack, and that a scenario may change as far as it declares."""
FOREIGN = ("foreign/app", "shared/app", "theirs/app")


def arn(service: str, rest: str) -> str:
    """An ARN of the account."""
    return f"arn:aws:{service}:{'' if service == 'iam' else REGION}:{ACCOUNT}:{rest}"


ROLE = {name: arn("iam", f"role/{name}") for name in ("web", "api", "worker")}
NOBODY = arn("iam", "role/nobody")
USER, GROUP = arn("iam", "user/ci"), arn("iam", "group/devs")
QUEUE = {name: arn("sqs", name) for name in ("one", "two")}
TOPIC, BUS = arn("sns", "topic"), arn("events", "event-bus/bus")
POLICY_OF_OTHERS = arn("iam", "policy/of-others")


class Account:
    """See above. `snapshot` and `restore` copy what scenarios change, which is much faster than to make it anew."""

    def __init__(self) -> None:
        self.controller = deploy(self)
        self._iam()
        self._repositories()
        for name in QUEUE:
            self.client("sqs").create_queue(QueueName=name)
        self.client("sns").create_topic(Name="topic")
        self.client("events").create_event_bus(Name="bus")

    @staticmethod
    @cache
    def client(service: str) -> Any:
        """A client of boto3."""
        make: Any = boto3.client
        return make(service, REGION, aws_access_key_id="test", aws_secret_access_key="test")

    def _iam(self) -> None:
        iam = self.client("iam")
        for name in ROLE:
            iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
        iam.create_user(UserName="ci")
        iam.create_group(GroupName="devs")
        statement = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.create_policy(PolicyName="of-others", PolicyDocument=document)
        iam.attach_role_policy(RoleName="web", PolicyArn=POLICY_OF_OTHERS)
        iam.attach_user_policy(UserName="ci", PolicyArn=POLICY_OF_OTHERS)
        iam.attach_group_policy(GroupName="devs", PolicyArn=POLICY_OF_OTHERS)

    def _repositories(self) -> None:
        listing = {"Sid": "List", "Effect": "Allow", "Principal": {"AWS": ROLE["worker"]}, "Action": "ecr:ListImages"}
        denying = {"Effect": "Deny", "Principal": "*", "Action": ["ecr:DeleteRepository"]}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [listing, denying]})
        ecr = self.client("ecr")
        for name in ("foreign/app", "shared/app", *ADOPTABLE):
            ecr.create_repository(repositoryName=name, tags=[{"Key": "of", "Value": "others"}])
            ecr.set_repository_policy(repositoryName=name, policyText=policy)
            if name not in ("shared/app", "lifecycle/bare"):
                ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=LIFECYCLE_OF_A_PERSON)
            self.push(name)

    def push(self, repository: str, tag: str = "v1") -> None:
        """Put an image into a repository."""
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {"digest": f"sha256:{'0' * 64}", "size": 1},
            "layers": [],
            "annotations": {"of": repository, "tag": tag},
        }
        self.client("ecr").put_image(repositoryName=repository, imageManifest=json.dumps(manifest), imageTag=tag)

    @staticmethod
    def exists(principal: str) -> bool:
        """Whether the ARN is that of a principal of the account."""
        return principal in {holder.arn for holder in Account._holders()}

    # ---------------------------------------------------------------- copies
    def snapshot(self) -> list[Any]:
        """A copy of what scenarios change."""
        return [_copy(getattr(holder, name)) for holder, name in self._changing()]

    def restore(self, snapshot: list[Any]) -> None:
        """The state of that time. The snapshot can be restored again."""
        for (holder, name), value in zip(self._changing(), snapshot, strict=True):
            setattr(holder, name, _copy(value))

    def _changing(self) -> list[tuple[Any, str]]:
        ecr = self._ecr()
        tables = self._tables().values()
        return [
            (ecr, "repositories"),
            (ecr.tagger, "tags"),
            *((table, "items") for table in tables),
            *((holder, "managed_policies") for holder in self._holders()),
        ]

    @staticmethod
    def _ecr() -> Any:
        from moto.ecr.models import ecr_backends

        return ecr_backends[ACCOUNT][REGION]

    @staticmethod
    def _tables() -> dict[str, Any]:
        from moto.dynamodb.models import dynamodb_backends

        tables: dict[str, Any] = dynamodb_backends[ACCOUNT][REGION].tables
        return tables

    @staticmethod
    def _holders() -> list[Any]:
        """Everything to which a policy can be attached."""
        from moto.iam.models import iam_backends

        iam = iam_backends[ACCOUNT]["aws"]
        return [*iam.roles.values(), *iam.users.values(), *iam.groups.values()]

    # ---------------------------------------------------------------- state
    def state(self) -> Json:
        """Everything that counts, by what it is: ``repository NAME``, ``statement NAME SID``, ``attached HOLDER POLICY``
        and ``part TARGET OWNER``. Ids of requests are left out."""
        found: Json = {}
        for name, repository in self._ecr().repositories.items():
            found[f"repository {name}"] = self._described(repository)
            policy = json.loads(repository.policy) if repository.policy else {}
            for statement in policy.get("Statement", []):
                found[f"statement {name} {statement.get('Sid', json.dumps(statement))}"] = statement
        for holder in self._holders():
            for policy_arn in holder.managed_policies:
                found[f"attached {holder.arn} {policy_arn}"] = True
        for target, owner, content in self.parts():
            found[f"part {target} {owner}"] = _without_request(content)
        copied: Json = json.loads(json.dumps(found))
        return copied

    def parts(self) -> list[tuple[str, str, Any]]:
        """Target, owner and content of each row of the table of parts."""
        rows = self._tables()[self.controller["PartsTable"]].all_items()
        plain = ({key: each.value for key, each in row.attrs.items()} for row in rows)
        return [(row["target"], row["owner"], json.loads(row.get("content", "{}"))) for row in plain]

    def _described(self, repository: Any) -> Json:
        tags = dict(self._ecr().tagger.get_tag_dict_for_resource(repository.arn))
        if "ecr-controller:origin" in tags:
            tags["ecr-controller:origin"] = tags["ecr-controller:origin"].split(" ")[0]
        mutability = repository.image_tag_mutability
        return {
            "tags": tags,
            "scan": repository.image_scanning_configuration["scanOnPush"],
            "mutability": str(getattr(mutability, "value", mutability)),
            "exclusions": sorted(each["filter"] for each in repository.image_tag_mutability_exclusion_filters or []),
            "encryption": repository.encryption_configuration["encryptionType"],
            "lifecycle": json.loads(repository.lifecycle_policy) if repository.lifecycle_policy else None,
            "images": sorted(tag for image in repository.images for tag in image.image_tags),
        }


def _copy(value: Any) -> Any:
    # Policies that are attached are looked up by ARN and never changed here.
    return dict(value) if value and all(str(key).startswith("arn:aws:iam:") for key in value) else copy.deepcopy(value)


def _without_request(content: Json) -> Json:
    found = {key: value for key, value in content.items() if key != "request"}
    if "targets" in found:
        found.pop("replaced", None)  # of a route: targets that need not be verified again
    return found


def foreign(state: Json, theirs: str) -> Json:
    """What no request of our stack may change. ``theirs`` is the id of the stack of others."""
    kept = dict(map(_foreign, state.items()))
    rows = {key: value for key, value in state.items() if key.startswith("part ") and theirs in key}
    return {key: value for key, value in kept.items() if value is not None} | rows


def _foreign(item: tuple[str, Any]) -> tuple[str, Any]:
    key, value = item
    what, _, rest = key.partition(" ")
    name, _, more = rest.partition(" ")
    match what:
        case "repository" if name in FOREIGN:
            return key, value
        case "repository" if name in ADOPTABLE:
            return key, {"images": value["images"], "of": value["tags"].get("of"), "encryption": value["encryption"]}
        case "statement" if not more.startswith("EcrController"):
            return key, value
        case "statement" if name == "shared/app" and ROLE["api"] in json.dumps(value["Principal"]):
            # Ours may be merged with theirs.
            return key, [value["Effect"], value["Action"], value.get("Condition")]
        case "attached" if more == POLICY_OF_OTHERS or name == ROLE["worker"]:
            return key, value
    return key, None


def difference(wanted: Json, found: Json) -> list[str]:
    """What is missing, left and changed; a line each."""
    return [
        line for key in sorted(wanted.keys() | found.keys()) for line in _lines(key, wanted.get(key), found.get(key))
    ]


def _lines(key: str, wanted: Any, found: Any) -> list[str]:
    if wanted == found:
        return []
    if wanted is None or found is None:
        return [f"{'left' if wanted is None else 'missing'}: {key}"]
    if isinstance(wanted, dict) and isinstance(found, dict):
        changed = [each for each in sorted({*wanted, *found}) if wanted.get(each) != found.get(each)]
        shown = (f"{each}: {json.dumps(wanted.get(each))}, now {json.dumps(found.get(each))}" for each in changed)
        return [f"changed: {key}: {'; '.join(shown)}"]
    return [f"changed: {key}: {json.dumps(wanted)}, now {json.dumps(found)}"]
