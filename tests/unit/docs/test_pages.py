"""What the pages for operators claim: parameters, permissions, and the sums of the cost."""

from __future__ import annotations

import json
import re
from decimal import ROUND_HALF_UP, Decimal
from fnmatch import fnmatchcase
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from samcli.yamlhelper import yaml_parse

from local import ROOT

TEMPLATE = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
# What the SAM transform makes of its own types.
MADE = {
    "AWS::Serverless::Function": ["Function", "EventSourceMapping", "EventInvokeConfig"],
    "AWS::Serverless::LayerVersion": ["LayerVersion"],
}
# Permissions in the schemas of resource types that this stack has no use for: it has no network, file system, stream,
# import or code signing, and its two managed policies are attached by grants. The key of `KmsKey` has its own page.
UNUSED = re.compile(
    r"^(ec2|elasticfilesystem|s3files|firehose|kinesis|kms):"
    r"|^s3:(REST\.PUT\.OBJECT|GetObjectMetadata)$|^lambda:(PassCapacityProvider|GetCodeSigningConfig)$"
    r"|^iam:(Attach|Detach)(Group|User)Policy$|^iam:CreateServiceLinkedRole$"
)


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def policies() -> list[Any]:
    """Those of docs/permissions.md: of the deployer, and of a stack author."""
    return [json.loads(text) for text in re.findall(r"```json\n(.*?)```", page("permissions.md"), re.DOTALL)]


def actions(policy: Any) -> set[str]:
    listed = [each["Action"] for each in policy["Statement"]]
    return {action for each in listed for action in ([each] if isinstance(each, str) else each)}


def types() -> set[str]:
    """The types of the resources that CloudFormation makes."""
    declared = {each["Type"] for each in TEMPLATE["Resources"].values()}
    return {made for each in declared for made in ([f"AWS::Lambda::{name}" for name in MADE.get(each, ())] or [each])}


def test_the_table_of_parameters_has_every_parameter() -> None:
    rows = re.findall(r"^\| (`.+?) \|", page("getting-started.md"), re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == sorted(TEMPLATE["Parameters"])


@pytest.mark.parametrize("kind", sorted(types()))
def test_the_deployer_has_the_permissions_of_every_resource_type(kind: str) -> None:
    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema["handlers"]
    needed = {each for verb, handler in handlers.items() if verb != "list" for each in handler.get("permissions", ())}
    given = actions(policies()[0])
    missing = {each for each in needed if not any(fnmatchcase(each.lower(), allowed.lower()) for allowed in given)}
    assert {each for each in missing if not UNUSED.match(each)} == set()


@pytest.mark.parametrize("policy", policies(), ids=["deployer", "author"])
def test_a_policy_fits_into_a_managed_policy(policy: Any) -> None:
    assert len(re.sub(r"\s", "", json.dumps(policy))) <= 6144


def test_a_stack_author_can_invoke_the_functions_behind_service_tokens_and_no_other() -> None:
    outputs = TEMPLATE["Outputs"].items()
    tokens = {name: each["Value"]["Fn::GetAtt"][0] for name, each in outputs if "Fn::GetAtt" in each["Value"]}
    functions = {name: TEMPLATE["Resources"][each]["Properties"]["FunctionName"] for name, each in tokens.items()}
    names = {name: f"ecr-controller-{each['Fn::Join'][1][1]}" for name, each in functions.items()}
    [invoking] = [each for each in policies()[1]["Statement"] if each["Action"] == "lambda:InvokeFunction"]
    assert {each.rpartition(":")[2] for each in invoking["Resource"]} == set(names.values())
    rows = re.findall(r"^\| `(ecr-controller-[\w-]+)` \| (.+) \|$", page("permissions.md"), re.MULTILINE)
    shown = {kind: function for function, kinds in rows for kind in re.findall(r"`Custom::(\w+)`", kinds)}
    assert shown == names


def test_the_cost_is_what_its_rows_sum_up_to() -> None:
    lines = re.findall(r"^\| .+\|$", page("cost.md"), re.MULTILINE)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    total, cent = Decimal(0), Decimal("0.01")
    for item, quantity, _, price, amount in rows[2:-1]:
        exact = Decimal(quantity.replace(",", "")) * Decimal(price)
        assert exact.quantize(cent, ROUND_HALF_UP) == Decimal(amount), item
        total += Decimal(amount)
    assert total == Decimal(rows[-1][-1])
    alarms = [each for each in TEMPLATE["Resources"].values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    assert [row[1] for row in rows if row[0] == "CloudWatch alarms"] == [
        str(sum("Condition" not in each for each in alarms))
    ]
