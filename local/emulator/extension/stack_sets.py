"""`AWS::CloudFormation::StackSet` with service-managed permissions, of which MiniStack makes nothing.

Stack instances are made one after the other: Region by Region, and in each Region in the accounts of the organizational
units. Buckets can be read from all accounts, as their policies allow in an organization.
"""

from __future__ import annotations

import os
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import get_session
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import s3
from ministack.services.cloudformation import provisioners, stacks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.emulator.extension.store import Json

TYPE = "AWS::CloudFormation::StackSet"
ENDED = ("_COMPLETE", "_FAILED")

_ministack_runs_on_worker_thread = stacks._runs_on_worker_thread  # noqa: SLF001
_ministack_get_object_data = s3._get_object_data  # noqa: SLF001


@dataclass
class StackSet:
    """The names of its stacks, by account and Region."""

    instances: dict[tuple[str, str], str] = field(default_factory=dict)


_stack_sets: dict[str, StackSet] = {}


def install() -> None:
    """Add the type, and let all accounts read all buckets."""
    provisioners._RESOURCE_HANDLERS[TYPE] = {"create": create, "update": update, "delete": delete}  # noqa: SLF001
    stacks._runs_on_worker_thread = runs_on_worker_thread  # noqa: SLF001
    s3._get_object_data = get_object_data  # noqa: SLF001


def runs_on_worker_thread(resource_type: str) -> bool:
    """It waits for its stacks."""
    return resource_type == TYPE or bool(_ministack_runs_on_worker_thread(resource_type))


def get_object_data(bucket: str, key: str, version_id: str | None = None) -> bytes | None:
    """An object of whatever account has the bucket."""
    owner = next((account for account, name in s3._buckets._data if name == bucket), get_account_id())  # noqa: SLF001
    with request_scope(owner, get_region()):
        found: bytes | None = _ministack_get_object_data(bucket, key, version_id)
        return found


def create(_logical_id: str, properties: Json, _stack_name: str) -> tuple[str, Json]:
    """The ID, which is what Ref gives."""
    made = f"{properties['StackSetName']}:{uuid.uuid4()}"
    _stack_sets[made] = StackSet()
    _deploy(made, properties)
    return made, {"StackSetId": made}


def update(physical_id: str, _before: Json, properties: Json, _stack_name: str) -> tuple[str, Json]:
    """Update the stacks, make those that are new, and delete those that are not declared any more."""
    _deploy(physical_id, properties)
    return physical_id, {"StackSetId": physical_id}


def delete(physical_id: str, _properties: Json) -> None:
    """Delete its stacks."""
    stack_set = _stack_sets.pop(physical_id, StackSet())
    for (account, region), name in stack_set.instances.items():
        _delete(account, region, name)


def _deploy(stack_set_id: str, properties: Json) -> None:
    instances = _stack_sets[stack_set_id].instances
    wanted = list(_targets(properties))
    for account, region in [each for each in instances if each not in wanted]:
        _delete(account, region, instances.pop((account, region)))
    for region in dict.fromkeys(region for _, region in wanted):
        accounts = [account for account, each in wanted if each == region]
        failures = []
        for account in accounts:
            name = instances.setdefault((account, region), f"StackSet-{properties['StackSetName']}-{uuid.uuid4()}")
            if reason := _deploy_stack(account, region, name, properties):
                failures.append(f"{account}, {region}: {reason}")
            if len(failures) > _tolerated(properties, len(accounts)):
                raise ValueError("; ".join(failures))


def _tolerated(properties: Json, accounts: int) -> int:
    preferences = properties.get("OperationPreferences", {})
    percentage = int(preferences.get("FailureTolerancePercentage", 0))
    return int(preferences.get("FailureToleranceCount", accounts * percentage // 100))


def _targets(properties: Json) -> Iterator[tuple[str, str]]:
    """The accounts and Regions, in the order of deployment."""
    groups = properties["StackInstancesGroup"]
    order = properties.get("OperationPreferences", {}).get("RegionOrder", [])
    regions = dict.fromkeys([*order, *(region for group in groups for region in group["Regions"])])
    for region in regions:
        for group in groups:
            for unit in group["DeploymentTargets"]["OrganizationalUnitIds"] if region in group["Regions"] else ():
                yield from ((account, region) for account in _accounts_of(unit))


def _accounts_of(unit: str) -> list[str]:
    organizations = _client("organizations", get_account_id(), get_region())
    return [each["Id"] for each in organizations.list_accounts_for_parent(ParentId=unit)["Accounts"]]


def _deploy_stack(account: str, region: str, name: str, properties: Json) -> str:
    """Create or update one stack; the reason if it failed."""
    cloudformation = _client("cloudformation", account, region)
    arguments = {
        "StackName": name,
        "Capabilities": properties.get("Capabilities", []),
        "Parameters": properties.get("Parameters", []),
        **_template(properties),
    }
    try:
        if _status(cloudformation, name) is None:
            cloudformation.create_stack(**arguments)
        else:
            cloudformation.update_stack(**arguments)
    except ClientError as error:
        if "No updates are to be performed" in str(error):
            return ""
        return str(error)
    status = _wait(cloudformation, name)
    if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        return ""
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    reasons = [each["ResourceStatusReason"] for each in events if each["ResourceStatus"].endswith("_FAILED")]
    return "; ".join([status, *reasons])


def _template(properties: Json) -> Json:
    if "TemplateBody" in properties:
        return {"TemplateBody": properties["TemplateBody"]}
    url = urlsplit(properties["TemplateURL"])
    bucket = url.netloc.partition(".s3.")[0]
    return {"TemplateURL": f"{_endpoint()}/{bucket}{url.path}"}


def _delete(account: str, region: str, name: str) -> None:
    cloudformation = _client("cloudformation", account, region)
    cloudformation.delete_stack(StackName=name)
    status = _wait(cloudformation, name)
    if status is not None and status != "DELETE_COMPLETE":
        raise ValueError(f"{account}, {region}: {status}")


def _wait(cloudformation: Any, name: str) -> Any:
    while (status := _status(cloudformation, name)) is not None and not status.endswith(ENDED):
        time.sleep(0.1)
    return status


def _status(cloudformation: Any, name: str) -> Any:
    try:
        return cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    except ClientError:
        return None


def _endpoint() -> str:
    return f"http://{os.environ['MINISTACK_HOST']}:{os.environ['GATEWAY_PORT']}"


def _client(service: str, account: str, region: str) -> Any:
    """A client with the permissions of the root user of an account, of this very MiniStack."""
    return get_session().create_client(
        service,
        region_name=region,
        endpoint_url=_endpoint(),
        aws_access_key_id=account,
        aws_secret_access_key="test",  # noqa: S106
        config=Config(proxies={}),
    )
