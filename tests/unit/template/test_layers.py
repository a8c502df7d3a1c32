"""The layers: they hold what the tests run on and no more, and Lambda's Python compiles nothing of it."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore
import pytest
from botocore.loaders import Loader
from botocore.regions import EndpointResolver

from layers import bytecode
from layers.dependencies import prune
from tests.unit.template.sam import RESOURCES, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

LAYERS = sorted(name for name, each in RESOURCES.items() if each["Type"] == "AWS::Serverless::LayerVersion")
REQUIREMENTS = (ROOT / "layers/dependencies/requirements.txt").read_text(encoding="utf-8")
PINNED = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", REQUIREMENTS, re.MULTILINE))
PACKAGE = ROOT / "layers/controller/ecr_controller"
BOTOCORE = Path(botocore.__file__).parent
PYTHON = bytecode.python()
with_python_313 = pytest.mark.skipif(PYTHON is None, reason="there is no Python 3.13 here")


# What pip installs


def test_every_requirement_is_pinned_with_hashes() -> None:
    blocks = re.split(r"\n(?=\S)", REQUIREMENTS.strip())
    assert len(blocks) == len(PINNED) > 0
    assert [block for block in blocks if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("package", PINNED)
def test_the_tests_run_on_what_is_deployed(package: str) -> None:
    assert importlib.metadata.version(package) == PINNED[package]


@pytest.mark.parametrize("package", PINNED)
def test_a_requirement_runs_on_every_python_3_and_processor(package: str) -> None:
    wheel = importlib.metadata.distribution(package).read_text("WHEEL") or ""
    assert re.search(r"^Tag: (py2\.)?py3-none-any$", wheel, re.MULTILINE)


def test_botocore_knows_all_that_the_code_calls_whatever_lambda_has() -> None:
    # 1.41.0 is the first with `imageStatus` and ImageArchivedException.
    assert tuple(map(int, PINNED["botocore"].split("."))) >= (1, 41, 0)


def test_the_package_never_imports_the_boto3_of_lambda() -> None:
    sources = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")]
    assert sources
    assert [source for source in sources if re.search(r"^\s*(import|from) boto3\b", source, re.MULTILINE)] == []


# What is pruned


def services_called() -> Iterator[str]:
    """The service of each `client("…")` and `Client("…")` in the package."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(attr="client" | "Client"), args=[ast.Constant(str(name))]):
                    yield name


def test_the_layer_has_the_services_that_the_code_makes_clients_of_and_no_others() -> None:
    assert sorted(set(services_called())) == prune.SERVICES


@pytest.fixture(scope="module")
def pruned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of botocore, pruned: of the services to go, there was one."""
    packages = tmp_path_factory.mktemp("packages")
    for folder in ("bin", "aws_lambda_powertools/event_handler", "botocore/data", "botocore-1.0.dist-info"):
        (packages / folder).mkdir(parents=True)
    (packages / "botocore-1.0.dist-info/RECORD").touch()
    data = packages / "botocore/data"
    for path in BOTOCORE.glob("data/*.json"):
        shutil.copy(path, data)
    for service in (*prune.SERVICES, "sts"):
        shutil.copytree(BOTOCORE / "data" / service, data / service)
    prune.main(packages)
    return data


def loader(*folders: Path) -> Loader:
    return Loader(extra_search_paths=[str(folder) for folder in folders], include_default_search_paths=False)


def test_other_services_and_commands_are_removed(pruned: Path) -> None:
    assert loader(pruned).list_available_services("service-2") == prune.SERVICES
    assert {path.name for path in pruned.parents[1].rglob("*")}.isdisjoint({"sts", "bin", "event_handler", "RECORD"})


@pytest.mark.parametrize("kind", ["service-2", "endpoint-rule-set-1"])
@pytest.mark.parametrize("service", prune.SERVICES)
def test_a_model_lacks_nothing_but_the_documentation(pruned: Path, service: str, kind: str) -> None:
    whole = loader(BOTOCORE / "data").load_service_model(service, kind)
    assert loader(pruned).load_service_model(service, kind) == prune.without_documentation(whole)
    assert not list(pruned.glob("*/*/*.gz"))


def test_documentation_is_text_and_not_a_member_of_a_structure_that_has_this_name() -> None:
    members = {"documentation": {"shape": "Text"}}
    model = {"documentation": "<p>", "shapes": [{"members": members, "documentation": "<p>"}]}
    assert prune.without_documentation(model) == {"shapes": [{"members": members}]}


def test_endpoints_stay_the_same_in_every_region(pruned: Path) -> None:
    before, after = (EndpointResolver(loader(path).load_data("endpoints")) for path in (BOTOCORE / "data", pruned))
    names = {
        loader(pruned).load_service_model(each, "service-2")["metadata"]["endpointPrefix"] for each in prune.SERVICES
    }
    regions = [
        (partition, region)
        for partition in before.get_available_partitions()
        for region in before.get_available_endpoints("lambda", partition)
    ]
    assert len(regions) > 30
    for partition, region in regions:
        for name in names:
            expected = before.construct_endpoint(name, region, partition)
            assert after.construct_endpoint(name, region, partition) == expected


# Byte code


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_is_built_by_its_makefile_within_the_folder_that_holds_what_both_need(layer: str) -> None:
    properties, metadata = RESOURCES[layer]["Properties"], RESOURCES[layer]["Metadata"]
    assert metadata["BuildMethod"] == "makefile"
    assert (metadata["ProjectRootDirectory"], metadata["ContextPath"]) == ("layers", properties["ContentUri"])
    makefile = (ROOT / properties["ContentUri"] / "Makefile").read_text(encoding="utf-8")
    assert f"\nbuild-{layer}:\n" in makefile
    assert 'bytecode.py "$(ARTIFACTS_DIR)"' in makefile


def command(path: Path, printed: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{printed}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any Python 3.13: its commands are in `bin`, its pyenv in `pyenv`."""
    command(tmp_path / "bin/python3", "echo a70d0d0a /bin/python3.11")
    command(tmp_path / "bin/uv", "exit 2")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setattr("sys.executable", str(tmp_path / "bin/python3"))
    return tmp_path


def test_a_python_3_13_is_found_on_the_path_in_pyenv_or_by_uv(machine: Path) -> None:
    assert bytecode.python() is None
    command(machine / "bin/uv", f"echo {machine}/uv-python")
    command(machine / "uv-python", "echo f30d0d0a /from/uv")
    assert bytecode.python() == "/from/uv"
    command(machine / "pyenv/versions/3.13.9/bin/python3.13", "echo f30d0d0a /from/pyenv")
    assert bytecode.python() == "/from/pyenv"
    command(machine / "bin/python3", "echo f30d0d0a /from/path")
    assert bytecode.python() == "/from/path"
    command(machine / "bin/python3.13", "echo f30d0d0a /from path/with spaces")
    assert bytecode.python() == "/from path/with spaces"


@pytest.mark.parametrize("printed", ["exit 127", "echo e90d0d0a /an/alpha/release"])
def test_a_python_that_does_not_run_or_has_other_byte_code_is_passed_over(machine: Path, printed: str) -> None:
    command(machine / "bin/python3.13", printed)
    assert bytecode.python() is None


def test_a_build_without_python_3_13_succeeds_and_says_what_it_costs(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bytecode.main(str(machine))
    assert "cold starts take twice as long" in capsys.readouterr().out


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """A layer in a path with a space, compiled; its source is another one by now."""
    assert PYTHON is not None
    folder = tmp_path / "a layer"
    source = folder / "python/module.py"
    source.parent.mkdir(parents=True)
    source.write_text("print('from the byte code')\n")
    bytecode.compile_layer(PYTHON, str(folder))
    source.write_text("print('from the source')\n")
    os.utime(source, (0, 0))
    return folder


def lambda_python(folder: Path, code: str) -> str:
    environment = {"PYTHONPATH": str(folder / "python"), "PYTHONDONTWRITEBYTECODE": "1"}
    command: list[Any] = [PYTHON, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@with_python_313
def test_byte_code_is_taken_whatever_the_time_of_its_source(layer: Path) -> None:
    assert lambda_python(layer, "import module") == "from the byte code"
    assert [path.name for path in (layer / "python/__pycache__").iterdir()] == ["module.cpython-313.pyc"]


@with_python_313
def test_byte_code_holds_the_paths_of_lambda(layer: Path) -> None:
    [path] = layer.rglob("*.pyc")
    show = f"import marshal; print(marshal.loads(open({str(path)!r}, 'rb').read()[16:]).co_filename)"
    assert lambda_python(layer, show) == "/opt/python/module.py"


@with_python_313
def test_the_same_sources_give_the_same_byte_code(tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        shutil.copytree(ROOT / "layers/controller/ecr_controller/repository", tmp_path / name / "python/repository")
        bytecode.compile_layer(str(PYTHON), str(tmp_path / name))
        files = sorted((tmp_path / name).rglob("*.cpython-313.pyc"))
        made.append([(path.name, path.read_bytes()) for path in files])
    assert made[0] == made[1] != []
