"""The AWS account of the scenarios, on moto: what the controller uses, what belongs to others, and its whole state."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from tests.faults.cloudformation import ACCOUNT, REGION, Json
from tests.faults.moto_state import holders
from tests.unit.deployed import deploy

if TYPE_CHECKING:
    from tests.faults.moto_state import Moto

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
    """See above."""

    def __init__(self, moto: Moto) -> None:
        self._moto = moto
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
        return principal in {holder.arn for holder in holders()}

    def state(self) -> Json:
        """Everything that counts: ``repository NAME``, ``statement NAME SID``, ``attached HOLDER POLICY`` and ``part
        TARGET OWNER``. Ids of requests are left out."""
        contents = self._moto.contents()
        found: Json = {}
        for name, repository in contents["repositories"].items():
            policy = json.loads(repository.pop("policy") or "{}")
            found[f"repository {name}"] = _without_requests(repository)
            for statement in policy.get("Statement", []):
                found[f"statement {name} {statement.get('Sid', json.dumps(statement))}"] = statement
        for holder, policy_arn in contents["attached"]:
            found[f"attached {holder} {policy_arn}"] = True
        for row in contents["rows"][self.controller["PartsTable"]]:
            content = _without_request(json.loads(row.get("content", "{}")))
            if row["target"] == "keep-in-use/repositories" and content["keep"] is None:
                continue  # the function that looks at what runs removes it, with the tags
            found[f"part {row['target']} {row['owner']}"] = content | {"state": row.get("state", "")}
        return found


def _without_requests(repository: Json) -> Json:
    """The repository without what is no state: who asked for it, and when it was scanned."""
    tags = repository["tags"]
    if "ecr-controller:origin" in tags:
        tags["ecr-controller:origin"] = tags["ecr-controller:origin"].split(" ")[0]
    lifecycle = repository["lifecycle"]
    del repository["scanned"]
    return {**repository, "lifecycle": json.loads(lifecycle) if lifecycle else None}


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
