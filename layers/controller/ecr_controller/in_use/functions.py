"""The calls to AWS Lambda that find the images of functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller import aws
from ecr_controller.in_use.ecs import Container
from ecr_controller.in_use.pace import Pace

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

# Calls a second. The quota of GetFunction is 100, that of the other reads together 15 ("Lambda quotas").
_GETS, _LISTS = 50.0, 8.0


@aws.translates_errors
class ImageFunctions:
    """The functions of this account and Region that are container images."""

    _lambda: aws.Client[LambdaClient] = aws.Client("lambda")

    def __init__(self, client: LambdaClient | None = None) -> None:
        if client is not None:
            self._lambda = client
        self._gets, self._lists = Pace(_GETS), Pace(_LISTS)

    def list_containers(self) -> list[Container]:
        """ListFunctions with all versions, which are those that aliases name, and GetFunction for each image."""
        found: list[Container] = []
        for page in self._lambda.get_paginator("list_functions").paginate(FunctionVersion="ALL"):
            self._lists.wait()
            for each in page["Functions"]:
                if each.get("PackageType") == "Image":
                    found += self.get_function(each["FunctionName"], each["Version"])
        return found

    def get_function(self, name: str, version: str) -> list[Container]:
        """GetFunction: the image of a version; none if it has none, or does not exist any more."""
        self._gets.wait()
        try:
            code = self._lambda.get_function(FunctionName=name, Qualifier=version)["Code"]
        except self._lambda.exceptions.ResourceNotFoundException:
            return []
        uri = code.get("ResolvedImageUri") or code.get("ImageUri")
        label = "" if version == "$LATEST" else f" version {version}"
        return [Container(uri, None, f"function:{name}{label}")] if uri else []
