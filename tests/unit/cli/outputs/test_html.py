"""The HTML page: what it has, and that it is self-contained."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from tests.unit.cli.conftest import detail, digest

if TYPE_CHECKING:
    from tests.unit.cli.conftest import File, Run


class Page(HTMLParser):
    """The elements of a page, with their attributes and their text."""

    VOID = frozenset({"meta"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def marks(self, kind: str) -> int:
        """The number of marks with the class."""
        return sum(attributes.get("class") == kind for tag, attributes in self.elements if tag in ("circle", "rect"))

    def titles(self) -> list[str]:
        return [text for tag, text in self.texts if tag == "title"]


def page(plan: Run, rules: str, images: str, *options: str) -> Page:
    done = plan("--rules-file", rules, "--images-file", images, "--output", "html", *options)
    assert done.exit_code in (0, 2), done.output
    return Page(done.stdout)


def test_the_picture_has_a_mark_with_a_title_for_every_image(plan: Run, rules: str, images: str) -> None:
    shown = page(plan, rules, images)
    assert shown.marks("expire") == 2 + 1, "one is in the legend"
    assert shown.marks("keep") == 2 + 1
    assert shown.marks("archive") == 0
    assert "d: expire (rule 1), pushed 2026-10-28, 4 d ago, 1.0 MB" in shown.titles()
    assert ("h1", "4 images, 2 to expire, 2 to keep") in shown.texts


def test_each_rule_that_claims_images_has_a_lane_and_the_unclaimed_have_one(plan: Run, file: File, images: str) -> None:
    rules = [
        {"TagPrefixList": ["a"], "MaxImageAge": 3},
        {"TagPrefixList": ["zz"], "MaxImageAge": 1},
    ]
    shown = page(plan, file("r.json", rules), images)
    lanes = [text for tag, text in shown.texts if tag == "text" and text.startswith(("Rule", "Not"))]
    assert lanes == ["Rule 1: expire images tagged a* pushed more than 3 days ago", "Not matched by any rule"]


def test_the_page_loads_nothing_and_runs_nothing(plan: Run, rules: str, images: str) -> None:
    text = plan("--rules-file", rules, "--images-file", images, "--output", "html").stdout
    shown = Page(text)
    assert not {tag for tag, _ in shown.elements} & {"script", "link", "img", "iframe", "object", "use", "image", "a"}
    names = {name for _, attributes in shown.elements for name in attributes}
    assert not [name for name in names if name.startswith(("on", "src", "href"))]
    assert not re.search(r"https?:|url\(|@import", text)
    assert "prefers-color-scheme: dark" in text


EVIL = """<script>alert('1')</script>"&amp;"""


def test_nothing_in_the_inputs_becomes_markup(plan: Run, file: File) -> None:
    rules = [{"Description": EVIL, "TagPatternList": [EVIL], "MaxImageAge": 3}, {"MaxImageCount": 1}]
    details = [detail("a", 1, tags=[EVIL]), detail(EVIL, 9, tags=[]), detail("c", 9, tags=[EVIL + "2"])]
    images = file("i.json", {"imageDetails": details})
    shown = page(plan, file("r.json", rules), images, "--repository", EVIL)
    assert "script" not in {tag for tag, _ in shown.elements}
    for where in ("h1", "small", "td", "text"):
        assert any(EVIL in text for tag, text in shown.texts if tag == where), where


def test_a_lone_surrogate_in_an_input_is_replaced(plan: Run, file: File, rules: str) -> None:
    images = file("i.json", {"imageDetails": [detail("a", 1, tags=["a\ud800b"])]})
    shown = plan("--rules-file", rules, "--images-file", images, "--output", "html").stdout
    assert "a\N{REPLACEMENT CHARACTER}b: keep" in shown


def test_a_lone_surrogate_in_a_rule_is_refused(plan: Run, file: File, images: str) -> None:
    rules = file("r.json", [{"Description": "a\ud800b", "MaxImageCount": 1}])
    refused = plan("--rules-file", rules, "--images-file", images, "--output", "html")
    assert refused.exit_code != 0
    assert "must not contain surrogates" in refused.output


def test_long_cells_wrap_and_tables_scroll(plan: Run, rules: str, images: str) -> None:
    text = plan("--rules-file", rules, "--images-file", images, "--output", "html").stdout
    shown = Page(text)
    assert sum(attributes.get("class") == "wrapped" for tag, attributes in shown.elements if tag == "td") == 1 + 2
    assert sum(attributes.get("class") == "scroll" for _, attributes in shown.elements) == 2 + 1
    assert re.search(r"td\.wrapped \{ min-width: \d+ch;", text)


def test_an_empty_repository_has_a_page_without_a_picture(plan: Run, rules: str, file: File) -> None:
    shown = page(plan, rules, file("i.json", {"imageDetails": []}))
    assert "svg" not in {tag for tag, _ in shown.elements}
    assert ("h1", "no images") in shown.texts


def test_a_page_of_ten_thousand_images_is_of_a_reasonable_size(plan: Run, file: File) -> None:
    details = [detail(f"a{i}", i % 28, tags=[] if i % 3 else [f"a{i}"]) for i in range(10_000)]
    rules = file("r.json", [{"TagStatus": "untagged", "MaxImageAge": 9}, {"MaxImageCount": 2000}])
    done = plan("--rules-file", rules, "--images-file", file("i.json", {"imageDetails": details}), "--output", "html")
    shown = Page(done.stdout)
    assert len(done.stdout) < 600_000
    assert sum(map(shown.marks, ("expire", "keep"))) < 500
    assert any(re.fullmatch(r"expire: \d+ images, pushed 2026-10-05", title) for title in shown.titles())
    assert sum(tag == "tr" for tag, _ in shown.elements) < 1010
    assert any(text.startswith("... and ") for _, text in shown.texts)


def test_the_full_digest_is_the_title_of_the_short_one(plan: Run, rules: str, images: str) -> None:
    shown = page(plan, rules, images)
    titles = {attributes.get("title") for tag, attributes in shown.elements if tag == "code"}
    assert titles == {digest("c"), digest("d")}
