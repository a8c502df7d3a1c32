"""`make site`: what makes the pages of the repository a site. A hook of MkDocs, which mkdocs.yml names.

The pages are written for the repository, where they link to files beside docs/. On the site, README.md is the first
page, CHANGELOG.md, CONTRIBUTING.md, SECURITY.md and the examples are pages, and other files are copied.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from markdown.extensions import Extension
from mkdocs.structure.files import File

if TYPE_CHECKING:
    from markdown import Markdown
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "reporting.md",
}
EXAMPLES = "examples.md"
LINK = re.compile(r"(\]\()(?!https?:|#)([^)#\s]+)")
DESCRIPTION = re.compile(r"^Description:\s*(?:>-?\n((?:  .*\n)+)|(.*)\n)", re.MULTILINE)


class Indentation(Extension):  # type: ignore[misc]
    """What belongs to an item of a list is indented by two spaces or more, as on GitHub, and not by four."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 (the name is that of the interface)
        """Called by Python-Markdown."""
        md.tab_length = 2
        md.build_parser()  # the parsers took the length when they were made, before any extension


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Read Markdown as GitHub does."""
    config.markdown_extensions.insert(0, Indentation())
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what isn't in docs/."""
    for source, page in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=rewritten(text, PurePosixPath())))
    files.append(File.generated(config, EXAMPLES, content=examples()))
    for path in copied():
        files.append(File.generated(config, str(path), abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(text: str, *, page: Any, **_others: Any) -> str:
    """Make the links of a page of docs/ those of the site."""
    return text if page.file.src_uri in (*PAGES.values(), EXAMPLES) else rewritten(text, PurePosixPath("docs"))


def copied() -> list[PurePosixPath]:
    """The files that are copied, by their paths: the examples, and what pages link to beside docs/."""
    found = {PurePosixPath(path.relative_to(ROOT)) for path in (ROOT / "examples").rglob("*")}
    for page in [*map(ROOT.joinpath, PAGES), *(ROOT / "docs").glob("*.md")]:
        folder = PurePosixPath(page.parent.relative_to(ROOT))
        found |= {_normal(folder / target) for _, target in LINK.findall(page.read_text(encoding="utf-8"))}
    beside = {path for path in found if path.parts[:1] != ("docs",) and path.suffix != ".md"}
    return sorted(path for path in beside if (ROOT / path).is_file())


def rewritten(text: str, folder: PurePosixPath) -> str:
    """The text of a page, whose links start at a folder of the repository, with links that start at docs/."""
    return LINK.sub(lambda found: found[1] + site_path(found[2], folder), text)


def site_path(target: str, folder: PurePosixPath) -> str:
    """A link as it is on the site."""
    path = _normal(folder / target)
    if str(path) in PAGES:
        return PAGES[str(path)]
    if path.parts[:1] == ("docs",):
        return str(path.relative_to("docs"))
    if path.parts[:1] == ("examples",) and (path.suffix == ".md" or (ROOT / path).is_dir()):
        return EXAMPLES
    return str(path)


def _normal(path: PurePosixPath) -> PurePosixPath:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return PurePosixPath(*parts)


def examples() -> str:
    """A page with every example."""
    parts = ["# Examples\n\nEvery template is deployed to an embedded AWS by the tests, or validated by them.\n"]
    for path in copied():
        if path.parts[0] == "examples" and path.suffix == ".yaml":
            text = (ROOT / path).read_text(encoding="utf-8")
            found = DESCRIPTION.search(text)
            about = " ".join((found[1] or found[2]).split()) if found else ""
            parts.append(
                f"\n## {path.relative_to('examples')}\n\n{about}\n\n[Download]({path})\n\n```yaml\n{text}```\n"
            )
    return "".join(parts)
