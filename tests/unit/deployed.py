"""The controller's stack, in moto: the resources that its functions use, and their environment, from template.yaml."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from local.deploy import GRANTEES
from local.invoke import invocation
from tests.unit.template.sam import RESOURCES, TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

    from local.invoke.worlds import Aws


def deploy(aws: Aws) -> dict[str, str]:
    """Make the tables, queues and managed policies of the template; what `!Ref` gives, by logical id."""
    makers: dict[str, Callable[[str, Any], str]] = {
        "AWS::DynamoDB::Table": lambda name, _declared: create_table(aws.client("dynamodb"), name, name),
        "AWS::SQS::Queue": lambda name, _declared: aws.client("sqs").create_queue(QueueName=name)["QueueUrl"],
        "AWS::IAM::ManagedPolicy": lambda name, declared: _policy(aws, name, declared),
    }
    return {
        name: makers[each["Type"]](name, each["Properties"])
        for name, each in RESOURCES.items()
        if each["Type"] in makers
    }


def create_table(dynamodb: DynamoDBClient, logical_id: str, name: str) -> str:
    """Make a table as the template declares it; its name."""
    declared = RESOURCES[logical_id]["Properties"]
    keys = {each: declared[each] for each in ("AttributeDefinitions", "BillingMode", "KeySchema")}
    dynamodb.create_table(TableName=name, **keys)
    return name


def _policy(aws: Aws, name: str, declared: Any) -> str:
    document = json.dumps(declared["PolicyDocument"])
    made = aws.client("iam").create_policy(PolicyName=name, Path=declared["Path"], PolicyDocument=document)
    return str(made["Policy"]["Arn"])


def environment_of(folder: str, resources: dict[str, str]) -> dict[str, str]:
    """The environment variables of the function in functions/<folder>, with the defaults of the parameters and those
    that the events assume."""
    defaults = {name: str(each.get("Default", "*")) for name, each in TEMPLATE["Parameters"].items()}
    functions = {each: each for each in RESOURCES if each.endswith("Function")}
    known = functions | defaults | GRANTEES | resources | {"": ""}
    declared = invocation.variables(folder)
    return {
        name: value if isinstance(value, str) else known[invocation.referred_by(value)]
        for name, value in declared.items()
    }
