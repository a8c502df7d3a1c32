"""The calls to AWS Lambda that find the images of functions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from ecr_controller import aws
from ecr_controller.in_use.ecs import Container
from ecr_controller.in_use.pace import Pace
from ecr_controller.in_use.versions import Version, Versions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mypy_boto3_lambda import LambdaClient

# Calls a second. The quota of GetFunction is 100, that of the other reads together 15 ("Lambda quotas").
_GETS, _LISTS = 50.0, 8.0
# Functions that are read at once.
_THREADS = 8
_LATEST = "$LATEST"


@aws.translates_errors
class ImageFunctions:
    """The functions of this account and Region that are container images."""

    _lambda: aws.Client[LambdaClient] = aws.Client("lambda")

    def __init__(self, client: LambdaClient | None = None) -> None:
        if client is not None:
            self._lambda = client
        self._gets, self._lists = Pace(_GETS), Pace(_LISTS)

    def list_containers(self, versions: Versions | None = None) -> list[Container]:
        """ListFunctions with all versions, which are those that aliases name, and GetFunction for each image.

        A published version never changes, so one in ``versions`` is not asked for again.
        """
        known = versions or Versions()
        functions: dict[str, list[Mapping[str, Any]]] = {}
        for page in self._lambda.get_paginator("list_functions").paginate(FunctionVersion="ALL"):
            self._lists.wait()
            for each in page["Functions"]:
                if each.get("PackageType") == "Image":
                    functions.setdefault(each["FunctionName"], []).append(each)
        stored = known.all()
        with ThreadPoolExecutor(_THREADS) as pool:
            # The deadline is that of a context, and a context is of one thread.
            tasks = [(copy_context(), name) for name in functions]
            found = pool.map(
                lambda task: task[0].run(
                    self._of_function, task[1], functions[task[1]], stored.get(task[1], {}), known
                ),
                tasks,
            )
            containers = [each for group in found for each in group]
        for name in stored.keys() - functions.keys():
            known.forget(name)
        return containers

    def get_function(self, name: str, version: str) -> list[Container]:
        """GetFunction: the image of a version; none if it has none, or does not exist any more."""
        self._gets.wait()
        try:
            code = self._lambda.get_function(FunctionName=name, Qualifier=version)["Code"]
        except self._lambda.exceptions.ResourceNotFoundException:
            return []
        uri = code.get("ResolvedImageUri") or code.get("ImageUri")
        return [_container(name, version, uri)] if uri else []

    def _of_function(
        self, name: str, listed: Sequence[Mapping[str, Any]], stored: Mapping[str, Version], known: Versions
    ) -> list[Container]:
        found: list[Container] = []
        published: dict[str, Version] = {}
        for each in listed:
            number, code = each["Version"], each.get("CodeSha256", "")
            if number in stored and stored[number].code == code:
                containers = [_container(name, number, stored[number].uri)]
            else:
                containers = self.get_function(name, number)
            found += containers
            if number != _LATEST:
                # Without a digest, it names a tag, which moves.
                published.update((number, Version(code, image.uri)) for image in containers if "@" in image.uri)
        if published != stored:
            known.store(name, published)
        return found


def _container(name: str, version: str, uri: str) -> Container:
    return Container(uri, None, f"function:{name}" + ("" if version == _LATEST else f" version {version}"))
