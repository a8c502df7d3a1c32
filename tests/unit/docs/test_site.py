"""The site: it is built without the network, every link leads somewhere, and nothing is loaded from elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest

from local import ROOT

if TYPE_CHECKING:
    from pathlib import Path

# Attributes by which a page loads something.
LOADING = {("script", "src"), ("img", "src"), ("iframe", "src"), ("link", "href")}
NOWHERE = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "NO_MKDOCS_2_WARNING": "1"}


@dataclass
class Page(HTMLParser):
    """What a page of the site has: its ids, the targets of its links, and what it loads."""

    ids: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    loads: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attrs if value}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.add(given["href"])
        if given.get("rel") != "canonical":
            self.loads |= {given[name] for loading, name in LOADING if loading == tag and name in given}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | NOWHERE, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    read = {path: Page() for path in site.rglob("*.html")}
    for path, page in read.items():
        page.feed(path.read_text(encoding="utf-8"))
    return read


def test_every_page_of_the_repository_is_on_the_site(pages: dict[Path, Page]) -> None:
    names = {path.stem for path in pages}
    assert {path.stem for path in (ROOT / "docs").glob("*.md")} <= names
    assert {"index", "changelog", "contributing", "reporting", "examples"} <= names


def test_every_link_of_the_site_leads_somewhere(pages: dict[Path, Page]) -> None:
    broken = set()
    for path, page in pages.items():
        for link in page.links if path.name != "404.html" else ():
            parts = urlsplit(link)
            if parts.scheme or link.startswith("//"):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            known = pages[target].ids if target in pages else {""}
            if not target.exists() or (parts.fragment and unquote(parts.fragment) not in known):
                broken.add(f"{path.name}: {link}")
    assert broken == set()


def test_nothing_is_loaded_from_elsewhere(pages: dict[Path, Page]) -> None:
    assert {each for page in pages.values() for each in page.loads if urlsplit(each).netloc} == set()


def test_an_item_of_a_list_has_its_code(site: Path) -> None:
    # Markdown of the repository is indented as on GitHub. Python-Markdown would end the list at the code.
    text = (site / "operations.html").read_text(encoding="utf-8")
    item = text.partition("Delete the rows of the stack")[2].partition("</li>")[0]
    assert "delete-item" in item
