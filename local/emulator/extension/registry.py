"""The scanning configuration of a registry, which MiniStack lacks, and what it means for a repository.

Source: PutRegistryScanningConfiguration and "Scan images for software vulnerabilities" in the ECR documentation: a
filter without `*` matches every name that contains it, and of two rules that match, continuous scanning counts.

Which frequency ECR reports for a repository that no rule of enhanced scanning matches is not documented. Here it is
MANUAL, although enhanced scanning has no manual scans.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region
from ministack.services.ecr import _repositories

from local.emulator.extension.store import Fault, Json

FREQUENCIES = {"BASIC": {"SCAN_ON_PUSH"}, "ENHANCED": {"SCAN_ON_PUSH", "CONTINUOUS_SCAN"}}
_configurations = AccountRegionScopedDict()


async def put_registry_scanning_configuration(data: Json) -> Json:
    configuration = {"scanType": data.get("scanType", "BASIC"), "rules": data.get("rules", [])}
    if len(configuration["rules"]) > 2:
        raise Fault.parameter("rules", "Member must have length less than or equal to 2")
    for rule in configuration["rules"]:
        if rule["scanFrequency"] not in FREQUENCIES[configuration["scanType"]]:
            message = f"The scan frequency '{rule['scanFrequency']}' is not supported for {configuration['scanType']}."
            raise Fault("ValidationException", message)
    configure(configuration)
    return {"registryScanningConfiguration": configuration}


async def get_registry_scanning_configuration(_data: Json) -> Json:
    return {"registryId": get_account_id(), "scanningConfiguration": _configuration()}


async def batch_get_repository_scanning_configuration(data: Json) -> Json:
    names = data.get("repositoryNames", [])
    failures = [
        {
            "repositoryName": name,
            "failureCode": "REPOSITORY_NOT_FOUND",
            "failureReason": f"The repository with name '{name}' does not exist",
        }
        for name in names
        if name not in _repositories
    ]
    found = [_repository_configuration(name) for name in names if name in _repositories]
    return {"scanningConfigurations": found, "failures": failures}


def configure(configuration: Json) -> None:
    """Set the scanning configuration of the registry, which is valid."""
    _configurations["registry"] = configuration


def is_enhanced() -> bool:
    """Whether Amazon Inspector scans the images of the registry."""
    return bool(_configuration()["scanType"] == "ENHANCED")


def frequency_of(name: str) -> str:
    """How the images of a repository are scanned: SCAN_ON_PUSH, CONTINUOUS_SCAN or MANUAL."""
    configuration = _configuration()
    if configuration["scanType"] == "BASIC" and not configuration["rules"]:
        on_push = _repositories[name]["imageScanningConfiguration"].get("scanOnPush")
        return "SCAN_ON_PUSH" if on_push else "MANUAL"
    frequencies = {rule["scanFrequency"] for rule in configuration["rules"] if _filters_of(rule, name)}
    return "CONTINUOUS_SCAN" if "CONTINUOUS_SCAN" in frequencies else next(iter(frequencies), "MANUAL")


def _configuration() -> Json:
    configuration: Json = _configurations.get("registry") or {"scanType": "BASIC", "rules": []}
    return configuration


def _repository_configuration(name: str) -> Json:
    frequency = frequency_of(name)
    return {
        "repositoryArn": f"arn:aws:ecr:{get_region()}:{get_account_id()}:repository/{name}",
        "repositoryName": name,
        "scanOnPush": frequency == "SCAN_ON_PUSH",
        "scanFrequency": frequency,
        "appliedScanFilters": [each for rule in _configuration()["rules"] for each in _filters_of(rule, name)],
    }


def _filters_of(rule: Json, name: str) -> list[Json]:
    return [each for each in rule["repositoryFilters"] if _matches(each["filter"], name)]


def _matches(pattern: str, name: str) -> bool:
    return fnmatchcase(name, pattern) if "*" in pattern else pattern in name
