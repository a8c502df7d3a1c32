"""From repositories that exist to a template that adopts them."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from ecr_controller import __version__
from ecr_controller.custom_resource import properties
from ecr_controller.errors import Faults, count
from ecr_controller.lifecycle import policy_text
from ecr_controller.lifecycle.holds import holds
from ecr_controller.lifecycle.rules import is_text, policy_from_rules
from ecr_controller.repository.ownership import NATIVE_STACK_ID, STACK_ID, TAG_PREFIX
from ecr_controller.repository_policy import user_statements
from ecr_controller.repository_policy.statement import PREFIX
from ecrctl.controller import UNBOUNDED, Controller

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ecr_controller.custom_resource.request import Home
    from ecrctl.inputs.inventory import Found

# The quotas of CloudFormation for a template.
MAX_RESOURCES, MAX_BYTES = 500, 1_000_000
# Of most rules, so that they are left out where they have no effect.
_DEFAULTS = {"StorageClass": "standard", "Action": "expire"}

_HEAD = """\
AWSTemplateFormatVersion: "2010-09-09"
Description: Repositories that existed before this template, which adopts them.

# Written by ecrctl {version}. An adopted repository is kept when its resource or the stack is deleted, and gets the
# settings back that it had before. To see what the deployment would change, run ecrctl adopt --dry-run.

Parameters:
  Controller:
    Type: String
    Default: {controller}
    Description: The name of the controller's stack.

Resources:
"""


@dataclass(frozen=True, slots=True)
class Exported:
    """The resource of a repository, and what the template can't declare of it, with the reasons."""

    name: str
    properties: Mapping[str, Any]
    notes: Sequence[str]


def owner_of(found: Found) -> str | None:
    """The stack that owns the repository by its tags: the ID, or None."""
    tags = found.repository.tags
    return tags.get(STACK_ID) or tags.get(NATIVE_STACK_ID)


def exported(found: Found) -> Exported:
    """The resource that adopts a repository and declares what it has."""
    shown, notes = found.repository.shown, list[str]()
    declared: dict[str, Any] = {"RepositoryName": found.name, "OnExisting": "Adopt"}
    declared["ImageScanOnPush"] = bool(shown.get("imageScanningConfiguration", {}).get("scanOnPush", False))
    declared["ImageTagMutability"] = shown.get("imageTagMutability", "MUTABLE")
    if filters := [each["filter"] for each in shown.get("imageTagMutabilityExclusionFilters", ())]:
        declared["ImageTagMutabilityExclusionFilters"] = filters
    encryption = found.repository.encryption
    if encryption.type != "AES256":
        declared["Encryption"] = encryption.type
        declared |= {"EncryptionKey": encryption.key} if encryption.key else {}
    declared |= _lifecycle(found.repository.lifecycle_text, notes)
    if statements := list(_statements(found, notes)):
        declared["PolicyStatements"] = statements
    if tags := _tags(found.repository.tags, notes):
        declared["Tags"] = tags
    return Exported(found.name, declared, notes)


def _lifecycle(text: str | None, notes: list[str]) -> dict[str, Any]:
    """The policy as LifecycleRules, or as LifecyclePolicyText if they would have another effect."""
    if text is None:
        return {}
    faults = Faults()
    rules = [rule for rule in policy_text.parse(text, "LifecyclePolicyText", faults) if rule is not None]
    policy = None if faults else policy_from_rules(rules, faults)
    if policy is None:
        notes.append(f"The lifecycle policy is not declared, and stays as it is: {'; '.join(map(str, faults))}")
        return {}
    if holds(policy):
        notes.append(
            "The first rule of the lifecycle policy keeps images in use by tags of a controller. To keep the tags up "
            "to date, declare KeepInUse instead of the rule."
        )
    if not is_text(policy.text(), text):
        return {"LifecyclePolicyText": text}
    short = [{name: value for name, value in rule.items() if _DEFAULTS.get(name) != value} for rule in rules]
    is_same = policy_from_rules(short, faults) == policy
    return {"LifecycleRules": short if is_same else [dict(rule) for rule in rules]}


def _statements(found: Found, notes: list[str]) -> Iterator[Mapping[str, Any]]:
    """The statements that the type takes. Those of a controller belong to grants."""
    for i, statement in enumerate(found.policy.statements, start=1):
        if str(statement.get("Sid", "")).startswith(PREFIX):
            continue
        name = statement.get("Sid") or f"number {i}"
        if faults := _faults_of(statement, found.home, UNBOUNDED):
            notes.append(f"The policy statement {name} is not declared, and stays as it is: {'; '.join(faults)}")
            continue
        if outside := _faults_of(statement, found.home, Controller({})):
            notes.append(f"The controller must allow the policy statement {name}: {'; '.join(outside)}")
        yield statement


def _faults_of(statement: Mapping[str, Any], home: Home, controller: Controller) -> list[str]:
    faults = Faults()
    with controller.configured():
        values = properties.check("ECRRepository", {"PolicyStatements": [statement]}, faults)
        user_statements.parse(values, faults, home)
    return [str(fault).removeprefix("PolicyStatements[0].") for fault in faults]


def _tags(tags: Mapping[str, str], notes: list[str]) -> list[dict[str, str]]:
    own = {key: value for key, value in sorted(tags.items()) if not key.startswith(("aws:", TAG_PREFIX))}
    most = properties.load("ECRRepository")["properties"]["Tags"]["maxItems"]
    if len(own) > most:
        notes.append(f"{count(len(own) - most, 'tag')} more than {most} are not declared, and stay as they are")
    return [{"Key": key, "Value": value} for key, value in list(own.items())[:most]]


def logical_ids(names: Iterable[str]) -> dict[str, str]:
    """A logical ID for each repository: ``TeamApp`` for ``team/app``. Names that would have the same get a hash."""
    readable = {name: "".join(part[:1].upper() + part[1:] for part in re.split("[^a-z0-9]+", name)) for name in names}
    times = Counter(readable.values())
    return {
        name: each if times[each] == 1 else f"{each}{hashlib.sha256(name.encode()).hexdigest()[:6]}"
        for name, each in readable.items()
    }


def templates(resources: Sequence[Exported], controller: str) -> list[str]:
    """The templates, each within the quotas of CloudFormation."""
    names = logical_ids(each.name for each in resources)
    head = _HEAD.format(version=__version__, controller=json.dumps(controller))
    files: list[list[str]] = []
    size = 0
    for each in resources:
        text = _resource(names[each.name], each)
        length = len(text.encode())
        if not files or len(files[-1]) == MAX_RESOURCES or size + length > MAX_BYTES:
            files.append([])
            size = len(head.encode())
        files[-1].append(text)
        size += length
    return [head + "\n".join(each) for each in files]


def _resource(logical_id: str, each: Exported) -> str:
    token = {"ServiceToken": {"Fn::ImportValue": {"Fn::Sub": "${Controller}-ECRRepository"}}}
    resource = {"Type": "Custom::ECRRepository", "Properties": token | dict(each.properties)}
    written = yaml.dump({logical_id: resource}, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
    comments = [f"# {' '.join(note.split())}" for note in each.notes]
    return "".join(f"  {line}\n" for line in [*comments, *written.rstrip("\n").split("\n")])


class _Dumper(yaml.SafeDumper):
    """Indents lists, writes every text that is no name in quotes where a reader might take it for another type, and
    repeats what is there twice instead of writing aliases."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _represent(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    # YAML takes these three for ends of lines, unless they are escaped.
    style = '"' if re.search("[\x85\u2028\u2029]", text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent)
