"""`python -m local.organization UNIT …`: organizational units of the embedded AWS, with an account each."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

import boto3

from local.progress import exit_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def make_units(organizations: Any, names: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Make units; the name, the ID and the ID of the account of each."""
    root = organizations.list_roots()["Roots"][0]["Id"]
    for name in names:
        unit = organizations.create_organizational_unit(ParentId=root, Name=name)["OrganizationalUnit"]["Id"]
        created = organizations.create_account(Email=f"{name}@example.com", AccountName=name)["CreateAccountStatus"]
        account = created["AccountId"]
        organizations.move_account(AccountId=account, SourceParentId=root, DestinationParentId=unit)
        yield name, unit, account


def main() -> None:
    """Make them, and print the ID of the organization and what was made."""
    parser = argparse.ArgumentParser(
        prog="python -m local.organization", description="Create organizational units in the embedded AWS."
    )
    parser.add_argument("units", metavar="UNIT", nargs="+", help="the name of an organizational unit, such as canary")
    names = parser.parse_args().units
    if "AWS_ENDPOINT_URL" not in os.environ:
        parser.error("AWS_ENDPOINT_URL is not set. This command makes accounts, and so runs on the embedded AWS alone.")
    client: Any = boto3.client
    organizations = client("organizations")
    print(organizations.describe_organization()["Organization"]["Id"])
    for name, unit, account in make_units(organizations, names):
        print(name, unit, account)


if __name__ == "__main__":
    sys.exit(exit_code(main))
