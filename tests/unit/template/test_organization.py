"""examples/organization agrees with template.yaml, and allows no more than it says."""

from __future__ import annotations

from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse

from ecr_controller.custom_resource import properties
from ecr_controller.errors import Faults
from ecr_controller.grants.attachments import TABLE
from ecr_controller.grants.token_policies import TARGETS
from tests.unit.template.sam import RESOURCES, ROOT, TEMPLATE, statements_of

FOLDER = ROOT / "examples" / "organization"
ACCOUNT, BUCKET, STACK_SETS = (
    yaml_parse((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))["Resources"]
    for name in ("account", "artifact-bucket", "stack-sets")
)
POLICIES = ("AuthorizationTokenPolicy", "PublicGalleryAuthorizationTokenPolicy")


@pytest.mark.parametrize("name", POLICIES)
def test_a_shared_policy_is_that_of_the_template_under_the_name_that_the_template_expects(name: str) -> None:
    shared, own = ACCOUNT[name]["Properties"], RESOURCES[name]["Properties"]
    assert shared["PolicyDocument"] == own["PolicyDocument"]
    shared_arn = TEMPLATE["Outputs"][name]["Value"]["Fn::If"][2]["Fn::If"][1]["Fn::Sub"]
    assert shared_arn.endswith(f":policy{shared['Path']}{shared['ManagedPolicyName']}")


def test_the_table_of_attachments_is_that_of_the_code_and_of_the_role() -> None:
    table, parts = ACCOUNT["Attachments"]["Properties"], RESOURCES["PartsTable"]["Properties"]
    assert table["TableName"] == TABLE
    for each in ("AttributeDefinitions", "KeySchema", "DeletionProtectionEnabled", "PointInTimeRecoverySpecification"):
        assert table[each] == parts[each]
    [statement] = [each for each in statements_of("GrantFunction") if each.get("Sid") == "ManageAttachments"]
    assert statement["Resource"]["Fn::Sub"].endswith(f":dynamodb:${{HomeRegion}}:${{AWS::AccountId}}:table/{TABLE}")
    assert statement["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{TARGETS}*"]}}


def test_what_an_account_shares_outlives_the_stack() -> None:
    assert {each["DeletionPolicy"] for each in ACCOUNT.values()} == {"Retain"}


def test_the_bucket_is_read_by_the_organization_alone_and_over_tls_alone() -> None:
    reads, denies = BUCKET["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (reads["Action"], list(reads["Condition"]["StringEquals"])) == ("s3:GetObject", ["aws:PrincipalOrgID"])
    assert reads["Resource"]["Fn::Sub"].endswith("/ecr-controller/*")
    assert (denies["Effect"], denies["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert set(BUCKET["Bucket"]["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}


@pytest.mark.parametrize("name", ["Canaries", "Controllers"])
def test_a_stack_set_passes_parameters_of_the_template(name: str) -> None:
    passed = {each["ParameterKey"] for each in STACK_SETS[name]["Properties"]["Parameters"]}
    required = {each for each, parameter in TEMPLATE["Parameters"].items() if "Default" not in parameter}
    assert passed <= {*TEMPLATE["Parameters"], "ArtifactBucketPrefix"}
    assert required | {"ArtifactBucketPrefix", "ControllerName", "HomeRegion"} <= passed


@pytest.mark.parametrize("name", STACK_SETS)
def test_every_stack_set_is_deployed_to_new_accounts(name: str) -> None:
    declared = STACK_SETS[name]["Properties"]
    assert declared["PermissionModel"] == "SERVICE_MANAGED"
    assert declared["AutoDeployment"]["Enabled"] is True
    # A controller that goes would leave the stacks that use it behind.
    assert declared["AutoDeployment"]["RetainStacksOnAccountRemoval"] is (name != "Baselines")


def test_the_canaries_come_first_and_tolerate_no_failure() -> None:
    assert STACK_SETS["Canaries"]["Properties"]["OperationPreferences"]["FailureToleranceCount"] == 0
    assert STACK_SETS["Controllers"]["DependsOn"] == "Canaries"
    after = STACK_SETS["Baselines"]["Properties"]["AutoDeployment"]["DependsOn"]
    assert [each["Fn::Sub"].rpartition("/")[2] for each in after] == ["${Canaries}", "${Controllers}"]


def test_the_baseline_is_valid() -> None:
    template = yaml_parse(STACK_SETS["Baselines"]["Properties"]["TemplateBody"])
    [baseline] = template["Resources"].values()
    declared: dict[str, Any] = dict(baseline["Properties"])
    assert declared["ServiceToken"] == {"Fn::Sub": "{{resolve:ssm:/${ControllerName}/ECRRepositoryBaseline}}"}
    faults = Faults()
    properties.check("ECRRepositoryBaseline", declared, faults)
    assert list(faults) == []
