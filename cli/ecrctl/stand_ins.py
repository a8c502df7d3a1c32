"""Values in the place of those that are known only at deployment, in the same form, so that they can be validated.

A role of the same template has no ARN yet, but it is certain that `!Ref` returns its name, and `!GetAtt Role.Arn` the
ARN of a role of the account. Source: "Return values" of each type in the CloudFormation template reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller.custom_resource.request import Home

if TYPE_CHECKING:
    from ecrctl.inputs.intrinsics import StandIn

# An account and a Region that do not exist.
ACCOUNT, REGION = "000000000000", "aa-region-0"

_NAME, _URL = "{name}", "https://sqs.{region}.amazonaws.com/{account}/{name}"
_TOPIC = "arn:{partition}:sns:{region}:{account}:{name}"
_QUEUE = "arn:{partition}:sqs:{region}:{account}:{name}"
_FUNCTION = "arn:{partition}:lambda:{region}:{account}:function:{name}"
_STATE_MACHINE = "arn:{partition}:states:{region}:{account}:stateMachine:{name}"
_BUS = "arn:{partition}:events:{region}:{account}:event-bus/{name}"
# By type, what Ref (under "") and the attributes return.
_VALUES: dict[str, dict[str, str]] = {
    "AWS::IAM::Role": {"": _NAME, "Arn": "arn:{partition}:iam::{account}:role/{name}"},
    "AWS::IAM::User": {"": _NAME, "Arn": "arn:{partition}:iam::{account}:user/{name}"},
    "AWS::IAM::Group": {"": _NAME, "Arn": "arn:{partition}:iam::{account}:group/{name}"},
    "AWS::SNS::Topic": {"": _TOPIC, "TopicArn": _TOPIC, "TopicName": _NAME},
    "AWS::SQS::Queue": {"": _URL, "Arn": _QUEUE, "QueueUrl": _URL, "QueueName": _NAME},
    "AWS::Lambda::Function": {"": _NAME, "Arn": _FUNCTION},
    "AWS::Serverless::Function": {"": _NAME, "Arn": _FUNCTION},
    "AWS::StepFunctions::StateMachine": {"": _STATE_MACHINE, "Arn": _STATE_MACHINE, "Name": _NAME},
    "AWS::Serverless::StateMachine": {"": _STATE_MACHINE, "Arn": _STATE_MACHINE, "Name": _NAME},
    "AWS::Events::EventBus": {"": _NAME, "Arn": _BUS, "Name": _NAME},
    "AWS::S3::Bucket": {"": _NAME, "Arn": "arn:{partition}:s3:::{name}"},
    "AWS::Logs::LogGroup": {"": _NAME, "Arn": "arn:{partition}:logs:{region}:{account}:log-group:{name}:*"},
}


def stand_in(home: Home) -> StandIn:
    """The stand-ins for the resources of a template that is deployed there."""

    def value(kind: str, name: str, attribute: str) -> str | None:
        form = _VALUES.get(kind, {}).get(attribute)
        if form is None:
            return None
        return form.format(partition=home.partition, region=home.region, account=home.account, name=name)

    return value


def pseudo_parameters(home: Home) -> dict[str, str]:
    """The pseudo parameters of a stack that is deployed there."""
    return {
        "AWS::AccountId": home.account,
        "AWS::Region": home.region,
        "AWS::Partition": home.partition,
        "AWS::URLSuffix": "amazonaws.com",
    }


def as_pseudo_parameters(message: str) -> str:
    """The message with the account and the Region that do not exist as CloudFormation calls them."""
    return message.replace(ACCOUNT, "${AWS::AccountId}").replace(REGION, "${AWS::Region}")


def unknown_home() -> Home:
    """Where nothing is."""
    return Home("aws", REGION, ACCOUNT)
