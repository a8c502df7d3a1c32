"""Warnings about rules without effect and images with an unexpected fate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.cli.conftest import INDEX, detail, digest

if TYPE_CHECKING:
    from tests.unit.cli.conftest import File, Run


def warnings(plan: Run, rules: str, images: str) -> str:
    shown = plan("--rules-file", rules, "--images-file", images).stdout
    return " ".join(shown.partition("Warnings")[2].split())


def test_rules_without_effect(plan: Run, file: File, images: str) -> None:
    rules = [
        {"TagPatternList": ["*"], "MaxImageCount": 3},
        {"TagPrefixList": ["a"], "MaxImageAge": 1},
        {"TagPrefixList": ["zz"], "MaxImageAge": 1},
    ]
    assert warnings(plan, file("r.json", rules), images) == (
        "! Rule 2 has no effect: the 1 image that it matches is already claimed by rule 1."
        " ! Rule 3 doesn't match any image."
    )


def test_a_rule_that_several_rules_shadow(plan: Run, file: File, images: str) -> None:
    rules = [{"TagPrefixList": [tag], "MaxImageCount": 3} for tag in "abcd"] + [{"MaxImageCount": 3}]
    assert warnings(plan, file("r.json", rules), images) == (
        "! Rule 5 has no effect: the 4 images that it matches are already claimed by rules 1, 2, 3, and 4."
    )


def test_an_outcome_that_depends_on_whether_images_of_an_index_count(plan: Run, file: File) -> None:
    index = detail("d", 1, imageManifestMediaType=INDEX, children=[digest("c")])
    details = [detail("a", 9), detail("b", 8), detail("c", 1, tags=[]), index]
    rules = file("r.json", [{"MaxImageCount": 3}])
    assert warnings(plan, rules, file("i.json", {"imageDetails": details})) == (
        "! Amazon ECR doesn't document whether the images of an image index count among the images that a rule keeps."
        " 1 or 0 images can be expired or archived; 1 image differs: a."
    )


def test_an_outcome_that_depends_on_whether_signatures_are_untagged_images(plan: Run, file: File) -> None:
    details = [detail("a", 9), detail("b", 9, tags=[], subjectManifestDigest=digest("a"))]
    rules = file("r.json", [{"TagStatus": "untagged", "MaxImageAge": 5}])
    found = warnings(plan, rules, file("i.json", {"imageDetails": details}))
    assert "whether a rule for untagged images matches the reference artifacts of images that are kept" in found
    assert found.endswith(f"1 or 0 images can be expired or archived; 1 image differs: {digest('b')[:19]}.")


def test_a_plan_that_does_not_depend_on_it_has_no_warning(plan: Run, file: File) -> None:
    details = [detail("a", 1), detail("b", 9), detail("c", 0, tags=[], subjectManifestDigest=digest("b"))]
    rules = file("r.json", [{"TagStatus": "untagged", "MaxImageCount": 5}, {"MaxImageAge": 5}])
    assert warnings(plan, rules, file("i.json", {"imageDetails": details})) == ""


def test_images_of_an_unknown_status(plan: Run, file: File) -> None:
    images = file("i.json", {"imageDetails": [detail("a", 9), detail("b", 9, imageStatus="FROZEN")]})
    assert warnings(plan, file("r.json", [{"MaxImageAge": 5}]), images) == (
        "! 1 image is counted as kept, because the status in Amazon ECR isn't known: b."
    )


def test_images_that_a_manifest_list_protects(plan: Run, file: File) -> None:
    lists = detail("a", 1, imageManifestMediaType=INDEX, children=[digest("b")])
    images = file("i.json", {"imageDetails": [lists, detail("b", 9, tags=[])]})
    rules = file("r.json", [{"TagStatus": "untagged", "MaxImageAge": 1}])
    assert warnings(plan, rules, images) == (
        "! Rule 1 keeps 1 image that is past its limit but referenced by a kept manifest list."
    )
    assert plan("--rules-file", rules, "--images-file", images).exit_code == 0


def test_manifest_lists_whose_children_are_not_known(plan: Run, rules: str, file: File) -> None:
    names = [f"a{i}" for i in range(7)]
    images = {"imageDetails": [detail(name, 1, imageManifestMediaType=INDEX) for name in names]}
    found = warnings(plan, rules, file("i.json", images))
    assert found.startswith("! The children of 7 manifest lists are not known, so images that Amazon ECR keeps")
    assert found.endswith("a0, a1, a2, a3, a4, and 2 more.")


def test_a_list_that_is_meant_as_any_of_its_entries(plan: Run, file: File, images: str) -> None:
    found = warnings(plan, file("r.json", [{"TagPatternList": ["a", "b", "zz"], "MaxImageCount": 1}]), images)
    assert found == (
        "! Rule 1 doesn't match any image. An image must match all entries of its list: a, b, and zz. To match any of"
        " them, declare a rule for each."
    )
