"""The template and the AWS Foundational Security Best Practices.

The controls have their IDs in AWS Security Hub. Those that only checkov has, a scanner of templates, have its IDs.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.unit.template.sam import FUNCTIONS, RESOURCES, ROOT, TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Values = dict[str, Any]

FUNCTION = "AWS::Serverless::Function"
LOG_GROUP = "AWS::Logs::LogGroup"
MANAGED_POLICY = "AWS::IAM::ManagedPolicy"
QUEUE = "AWS::SQS::Queue"
QUEUE_POLICY = "AWS::SQS::QueuePolicy"
ROLE = "AWS::IAM::Role"
TABLE = "AWS::DynamoDB::Table"
NO_VALUE = {"Ref": "AWS::NoValue"}
KEY = {"Ref": "KmsKey"}
LOG_GROUPS = [name for name, each in RESOURCES.items() if each["Type"] == LOG_GROUP]
# Types for which there is no control.
WITHOUT_CONTROLS = {
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::Events::Rule",
    "AWS::Lambda::Permission",
    "AWS::SSM::Parameter",  # CKV2_AWS_34 asks for SecureString, and an ARN is no secret
    "AWS::Scheduler::Schedule",
    "AWS::Serverless::LayerVersion",
}


# The values of the template


def values_of(name: str, *, key: bool) -> Values:
    """The properties of a resource, with or without the parameter KmsKey."""
    resource = RESOURCES[name]
    shared = TEMPLATE["Globals"]["Function"] if resource["Type"] == FUNCTION else {}
    values: Values = resolved({**shared, **resource["Properties"]}, key=key)
    return values


def resolved(node: Any, *, key: bool) -> Any:
    """A value without the condition HasKmsKey, and without what the condition removes."""
    if isinstance(node, list):
        return [found for each in node if (found := resolved(each, key=key)) != NO_VALUE]
    if not isinstance(node, dict):
        return node
    match node:
        case {"Fn::If": ["HasKmsKey", with_key, without_key]}:
            return resolved(with_key if key else without_key, key=key)
    return {name: found for name, each in node.items() if (found := resolved(each, key=key)) != NO_VALUE}


def statements_in(node: Any) -> Iterator[Values]:
    """Every policy statement within a value that allows."""
    if isinstance(node, dict) and node.get("Effect") == "Allow":
        yield node
    within = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for each in within:
        yield from statements_in(each)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# The controls


def is_private(function: Values) -> bool:
    """Whether the function has no URL, and no event source that needs the permission to invoke it."""
    sources = {each["Type"] for each in function.get("Events", {}).values()}
    return "FunctionUrlConfig" not in function and sources <= {"SQS"}


def has_supported_runtime(function: Values) -> bool:
    # `cfn-lint` reports a runtime that is deprecated since.
    return function["Runtime"] in {"python3.13", "python3.14"}


def has_somewhere_to_fail_to(function: Values) -> bool:
    invoked = function.get("EventInvokeConfig", {}).get("DestinationConfig", {})
    return "OnFailure" in invoked or "Events" in function


def names_no_secret(function: Values) -> bool:
    """Whether each variable of the environment refers to the template, or is a number."""
    variables = function.get("Environment", {}).get("Variables", {}).values()
    return all(isinstance(each, dict) or each.isdigit() for each in variables)


def is_encrypted_queue(queue: Values) -> bool:
    return queue.get("SqsManagedSseEnabled") is True or queue.get("KmsMasterKeyId") == KEY


def is_encrypted_table(table: Values) -> bool:
    return table["SSESpecification"]["SSEEnabled"] is True


def has_recovery(table: Values) -> bool:
    return bool(table.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled"))


def is_kept_for_a_year(group: Values) -> bool:
    parameter = TEMPLATE["Parameters"][group["RetentionInDays"]["Ref"]]
    return bool(parameter["Default"] >= 365)


def names_its_principals(holder: Values) -> bool:
    """Whether every principal is a service that must be named with where it comes from, or Lambda for its role."""
    principals = [(each["Principal"], each) for each in statements_in(holder) if "Principal" in each]
    return all(
        list(principal) == ["Service"]
        and (principal["Service"] == "lambda.amazonaws.com" or names_its_source(statement))
        for principal, statement in principals
    )


def names_its_source(statement: Values) -> bool:
    condition = statement.get("Condition", {})
    return any("aws:SourceArn" in condition.get(operator, {}) for operator in ("ArnEquals", "ArnLike", "StringEquals"))


def allows_no_wildcard_action(holder: Values) -> bool:
    actions = [action for each in statements_in(holder) for action in listed(each["Action"])]
    return not any("*" in action for action in actions) and not any(
        "NotAction" in each for each in statements_in(holder)
    )


def decrypts_through_services_alone(holder: Values) -> bool:
    """Whether keys to decrypt with are in this account, and used by the services that the condition names."""
    decrypting = [
        each for each in statements_in(holder) if {"kms:Decrypt", "kms:ReEncryptFrom"} & set(listed(each["Action"]))
    ]
    return all(each["Resource"] != "*" and "kms:ViaService" in each["Condition"]["StringEquals"] for each in decrypting)


def gives_no_credentials(holder: Values) -> bool:
    giving = {"ecr:GetAuthorizationToken", "ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"}
    return not giving & {action for each in statements_in(holder) for action in listed(each["Action"])}


class Control(NamedTuple):
    """What every resource of some types must meet."""

    types: set[str]
    is_met: Callable[[Values], bool]


CONTROLS = {
    "Lambda.1 no public access": Control({FUNCTION}, is_private),
    "Lambda.2 supported runtime": Control({FUNCTION}, has_supported_runtime),
    "Lambda.3 in a VPC": Control({FUNCTION}, lambda each: "VpcConfig" in each),
    "SQS.1 encrypted": Control({QUEUE}, is_encrypted_queue),
    "SQS.3 no public access": Control({QUEUE_POLICY}, names_its_principals),
    "DynamoDB.1 scales with demand": Control({TABLE}, lambda each: each["BillingMode"] == "PAY_PER_REQUEST"),
    "DynamoDB.2 point-in-time recovery": Control({TABLE}, has_recovery),
    "DynamoDB.6 deletion protection": Control({TABLE}, lambda each: each.get("DeletionProtectionEnabled") is True),
    "Tables encrypted with KMS": Control({TABLE}, is_encrypted_table),
    "CloudWatch.16 logs retained for a year": Control({LOG_GROUP}, is_kept_for_a_year),
    "IAM.1 IAM.21 no wildcard actions": Control({ROLE, MANAGED_POLICY, QUEUE_POLICY}, allows_no_wildcard_action),
    "KMS.1 KMS.2 no decryption with all keys": Control({ROLE, MANAGED_POLICY}, decrypts_through_services_alone),
    "CKV_AWS_45 no secret in the environment": Control({FUNCTION}, names_no_secret),
    "CKV_AWS_60 roles for named services": Control({ROLE}, names_its_principals),
    "CKV_AWS_107 no exposed credentials": Control({ROLE, MANAGED_POLICY}, gives_no_credentials),
    "CKV_AWS_115 reserved concurrency": Control({FUNCTION}, lambda each: "ReservedConcurrentExecutions" in each),
    "CKV_AWS_116 failures are kept": Control({FUNCTION}, has_somewhere_to_fail_to),
    "CKV_AWS_173 key for the environment": Control({FUNCTION}, lambda each: "KmsKeyArn" in each),
}
# The resources that don't meet a control, and why.
EXCEPTIONS: dict[str, dict[str, str]] = {
    "Lambda.3 in a VPC": dict.fromkeys(FUNCTIONS, "They call AWS APIs alone. A VPC would need an endpoint for each."),
    "DynamoDB.2 point-in-time recovery": {
        "DeliveriesTable": "It holds 21 days of deliveries. Without them, an event can be delivered twice."
    },
    "DynamoDB.6 deletion protection": {"DeliveriesTable": "It is deleted with the stack, which protection would stop."},
    "CloudWatch.16 logs retained for a year": dict.fromkeys(
        LOG_GROUPS, "LogRetentionDays is 90 by default. Who must retain logs for a year sets it to 365."
    ),
    "CKV_AWS_107 no exposed credentials": {
        "AuthorizationTokenPolicy": "It exists to allow logins, for the principals of grants alone.",
        "PublicGalleryAuthorizationTokenPolicy": "It exists to allow logins, for the principals of grants alone.",
    },
    "CKV_AWS_115 reserved concurrency": dict.fromkeys(
        FUNCTIONS, "It would throttle deployments, and take concurrency from the rest of the account."
    ),
    "CKV_AWS_116 failures are kept": {
        "OnFailureFunction": "It is where failures go. OnFailureErrorsAlarm watches it.",
        "InUseFunction": "The next look does what a failed one did not. InUseErrorsAlarm watches it.",
    },
    "CKV_AWS_173 key for the environment": dict.fromkeys(
        FUNCTIONS, "The environment holds names and no secret (CKV_AWS_45). Lambda encrypts it with its own key."
    ),
}


@pytest.mark.parametrize("key", [False, True], ids=["keys of AWS", "KmsKey"])
@pytest.mark.parametrize("control", CONTROLS)
def test_a_control_is_met_except_where_there_is_a_reason(control: str, key: bool) -> None:
    types, is_met = CONTROLS[control]
    names = [name for name, each in RESOURCES.items() if each["Type"] in types]
    assert names
    failing = {name for name in names if not is_met(values_of(name, key=key))}
    assert failing == set(EXCEPTIONS.get(control, {}))


def test_every_exception_is_to_a_control() -> None:
    assert set(EXCEPTIONS) <= set(CONTROLS)


def test_every_type_of_resource_has_controls_or_is_known_to_have_none() -> None:
    with_controls = {each for types, _ in CONTROLS.values() for each in types}
    assert {each["Type"] for each in RESOURCES.values()} == with_controls | WITHOUT_CONTROLS


def test_the_key_of_the_user_encrypts_every_queue_table_and_log() -> None:
    """CKV_AWS_27, CKV_AWS_119 and CKV_AWS_158, which ask for a customer managed key."""
    keys_of: dict[str, Callable[[Values], Any]] = {
        QUEUE: lambda each: each.get("KmsMasterKeyId"),
        TABLE: lambda each: each["SSESpecification"].get("KMSMasterKeyId"),
        LOG_GROUP: lambda each: each.get("KmsKeyId"),
    }
    encrypted = [name for name, each in RESOURCES.items() if each["Type"] in keys_of]
    for name in encrypted:
        find = keys_of[RESOURCES[name]["Type"]]
        assert (find(values_of(name, key=True)), find(values_of(name, key=False))) == (KEY, None), name


def test_a_queue_is_never_encrypted_in_two_ways() -> None:
    both = {"KmsMasterKeyId", "SqsManagedSseEnabled"}
    for name in [name for name, each in RESOURCES.items() if each["Type"] == QUEUE]:
        assert len(both & set(values_of(name, key=True))) == len(both & set(values_of(name, key=False))) == 1, name


def test_every_function_writes_to_a_log_group_of_the_template() -> None:
    """Lambda would create any other without an end to its retention and without the key."""
    assert {values_of(name, key=True)["LoggingConfig"]["LogGroup"]["Ref"] for name in FUNCTIONS} == set(LOG_GROUPS)


def test_ruff_checks_all_that_is_deployed_or_installed_for_what_bandit_finds() -> None:
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    assert "S" in lint["select"]
    assert [paths for paths, rules in lint["per-file-ignores"].items() if "S" in rules] == ["{tests,benchmarks}/**"]
