"""template.yaml without the SAM transform, which service-managed StackSets don't expand with their default role."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from boto3.session import Session
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

if TYPE_CHECKING:
    from collections.abc import Mapping

# The quotas of CloudFormation. One request can hold a template of 51,200 bytes, and S3 one of 1 MB.
MOST_BYTES = 1_000_000
MOST_PARAMETERS = 200
MOST_RESOURCES = 500

# Where the code of each of these types is.
CODE = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}
# CloudFormation takes code only from a bucket of the stack's Region.
BUCKET = {"Fn::Sub": "${ArtifactBucketPrefix}-${AWS::Region}"}
BUCKET_PARAMETER = {
    "Type": "String",
    "AllowedPattern": "^[a-z0-9][a-z0-9.-]{1,45}$",
    "ConstraintDescription": "must be the first part of a bucket name, without the Region.",
    "Description": (
        "Names of the buckets that contain the code of the functions, without the hyphen and the Region at their end, "
        "such as artifacts for artifacts-eu-west-1."
    ),
}


# The translator asks for one. tests/integration/test_release.py holds that the template has no Region in it.
ANY_REGION = "eu-west-1"


def flat_template(sam: Mapping[str, Any], keys: Mapping[str, str], version: str) -> dict[str, Any]:
    """The template that CloudFormation makes of a SAM template, with the keys in S3 of the code, by logical ID."""
    template = deepcopy(dict(sam))
    template["Parameters"] = {**template["Parameters"], "ArtifactBucketPrefix": BUCKET_PARAMETER}
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] in CODE:
            resource["Properties"][CODE[resource["Type"]]] = {"Bucket": BUCKET, "Key": keys[logical_id]}
    translator = Translator(None, Parser(), boto_session=Session(region_name=ANY_REGION))
    # The functions have roles of their own, so that there are no names of managed policies to look up.
    flat: dict[str, Any] = translator.translate(template, parameter_values={}, get_managed_policy_map=dict)
    for resource in flat["Resources"].values():
        resource.pop("Metadata", None)  # how `sam build` builds it
    groups = flat["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    groups.append({"Label": {"default": "Code"}, "Parameters": ["ArtifactBucketPrefix"]})
    flat["Description"] = flat["Description"].replace("ecr-controller:", f"ecr-controller {version}:", 1)
    return flat


def minified(template: Mapping[str, Any]) -> str:
    """A template as text."""
    return json.dumps(template, separators=(",", ":")) + "\n"
