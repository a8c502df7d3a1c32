"""template.yaml as plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).resolve().parents[3]
TEMPLATE: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
FUNCTIONS = sorted(name for name, each in RESOURCES.items() if each["Type"] == "AWS::Serverless::Function")
ALARMS = sorted(name for name, each in RESOURCES.items() if each["Type"] == "AWS::CloudWatch::Alarm")
# The queue that feeds a function.
QUEUES: dict[str, str] = {
    name: event["Properties"]["Queue"]["Fn::GetAtt"][0]
    for name in FUNCTIONS
    for event in RESOURCES[name]["Properties"].get("Events", {}).values()
    if event["Type"] == "SQS"
}


def folder_of(function: str) -> Path:
    """The folder of a function's code."""
    return ROOT / str(RESOURCES[function]["Properties"]["CodeUri"])


def statements_of(function: str) -> list[dict[str, Any]]:
    """The policy statements of a function's role that allow."""
    return [each for each in all_statements_of(function) if each["Effect"] == "Allow"]


def denials_of(function: str) -> list[dict[str, Any]]:
    """The policy statements of a function's role that deny."""
    return [each for each in all_statements_of(function) if each["Effect"] == "Deny"]


def all_statements_of(function: str) -> list[dict[str, Any]]:
    """The policy statements of a function's role."""
    role = RESOURCES[function]["Properties"]["Role"]["Fn::GetAtt"][0]
    policies = RESOURCES[role]["Properties"]["Policies"]
    statements = [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]
    # What a parameter must switch on first counts as granted.
    return [statement["Fn::If"][1] if "Fn::If" in statement else statement for statement in statements]


def actions_of(statement: dict[str, Any]) -> set[str]:
    """The actions that a statement grants."""
    actions = statement["Action"]
    return {actions} if isinstance(actions, str) else set(actions)
