"""The project installed from its wheel, with its console script, in environments with little else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from email.parser import Parser
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement

from app.client import Client
from app.contract import Artifact
from app.settings.table import settings_table
from qa.harness.server import ServerProcess, free_port, running_server
from tests.conftest import ROOT
from tests.packaging.environments import DATA_FILE, make_environment
from tests.packaging.locks import PROJECT

SCRIPT = "timeseries-server"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A working directory without the project, but with a package of its own that is called `app`."""
    folder = tmp_path / "elsewhere"
    (folder / "app").mkdir(parents=True)
    (folder / "app" / "__init__.py").write_text("raise ImportError('the working directory was searched')")
    return folder


def run(folder: Path, *command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in a folder."""
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def in_folder(folder: Path, script: Path) -> Sequence[str]:
    """The command that serves by a script in a folder, as the same process."""
    return ("env", "-C", str(folder), str(script), "serve")


def labels_of(artifact: Artifact) -> list[str]:
    """The labels of the artifact's golden answers."""
    names = [label.name for label in artifact.contract.labels]
    return [names[index] for index in artifact.golden.probabilities.argmax(axis=1)]


def test_the_wheel_holds_all_of_its_two_packages_and_nothing_else(wheel: Path) -> None:
    """Data files are in it; tests, measurements and what deploys it are not."""
    files = {str(path.relative_to(ROOT)) for name in ("app", "training") for path in (ROOT / name).rglob("*")}
    wanted = {name for name in files if (ROOT / name).is_file() and "__pycache__" not in name} | {DATA_FILE}
    with zipfile.ZipFile(wheel) as archive:
        assert {name for name in archive.namelist() if ".dist-info/" not in name} == wanted


def test_the_base_install_requires_the_clients_packages_alone(wheel: Path) -> None:
    """Everything else is asked for by an extra."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        asked = Parser().parsestr(archive.read(name).decode()).get_all("Requires-Dist")
    assert asked is not None
    requirements = [Requirement(line) for line in asked]
    assert {one.name for one in requirements if "extra" not in str(one.marker)} == {
        "httpx",
        "numpy",
        "pydantic",
        "sniffio",
    }


def test_the_locked_base_install_is_complete(client_commands: Path, pip: Path) -> None:
    """No installed package asks for one that `requirements/client.txt` lacks."""
    done = run(ROOT, pip, "--python", client_commands / "python", "check")
    assert done.returncode == 0, done.stdout


def test_the_client_works_in_the_base_install(
    client_commands: Path, elsewhere: Path, server: ServerProcess, artifact: Artifact
) -> None:
    """It reads a file of series, sends it to a real server and gets the golden labels."""
    (elsewhere / "app" / "__init__.py").unlink()
    (elsewhere / "app").rmdir()  # Python itself looks in the working directory here
    np.save(elsewhere / "series.npy", artifact.golden.series)
    code = (
        "from app.client import Client; from app.series.readers import GapRules, read_series_file\n"
        "from pathlib import Path\n"
        "series = read_series_file(Path('series.npy'), rules=GapRules()).values\n"
        f"print(*(answer.label for answer in Client({server.url!r}).predict(series)))"
    )
    done = run(elsewhere, client_commands / "python", "-c", code)
    assert done.stdout.split() == labels_of(artifact), done.stderr


@pytest.mark.parametrize("by_option", [True, False], ids=["--url", "HOST and PORT"])
def test_predict_works_in_the_base_install(
    client_commands: Path, elsewhere: Path, server: ServerProcess, artifact: Artifact, *, by_option: bool
) -> None:
    """The command line sends a file without the server's packages, whatever the server's settings are."""
    np.save(elsewhere / "series.npy", artifact.golden.series)
    port = server.url.rpartition(":")[2]
    option = ("--url", server.url) if by_option else ()
    variables = {"HOST": "0.0.0.0", "PORT": "1" if by_option else port, "WORKERS": "many"}
    done = run(elsewhere, client_commands / SCRIPT, "predict", "series.npy", *option, **variables)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["label"] for line in done.stdout.splitlines()] == labels_of(artifact)


@pytest.mark.parametrize(
    "command",
    [["key", "alice"], ["--help"], ["capacity", "--rate", "5", "--series", "1", "--p99", "5000"]],
    ids=lambda command: command[0],
)
def test_other_commands_of_the_base_install(
    client_commands: Path, elsewhere: Path, command: list[str]
) -> None:
    """A key is made, the help shown and replicas are forecast without the server's packages."""
    done = run(elsewhere, client_commands / SCRIPT, *command)
    assert done.returncode == 0, done.stderr


def test_the_version_of_an_installed_package_is_its_metadata(client_commands: Path, elsewhere: Path) -> None:
    """Without `pyproject.toml`, and without the server's packages."""
    done = run(elsewhere, client_commands / SCRIPT, "--version")
    assert (done.returncode, done.stdout) == (0, f"timeseries-server {PROJECT['version']}\n")


def test_health_works_in_the_base_install(
    client_commands: Path, elsewhere: Path, server: ServerProcess
) -> None:
    """It asks a server on this machine."""
    port = server.url.rpartition(":")[2]
    assert run(elsewhere, client_commands / SCRIPT, "health", PORT=port).returncode == 0


@pytest.mark.parametrize("command", [["serve"], ["check"], ["settings"], ["use", "1"]], ids=lambda it: it[0])
def test_a_server_command_without_its_extra_says_what_to_install(
    client_commands: Path, elsewhere: Path, command: list[str]
) -> None:
    """In one line, with exit code 1."""
    done = run(elsewhere, client_commands / SCRIPT, *command)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{command[0]}: no module named ")
    assert line.endswith("install the server's packages: run pip install '.[serve]' in the project's folder")


def test_the_script_shows_its_own_name(server_commands: Path, elsewhere: Path) -> None:
    """In its help; `python -m app` shows what to type there."""
    help_of_script = run(elsewhere, server_commands / SCRIPT, "--help").stdout
    help_of_module = run(ROOT, sys.executable, "-m", "app", "--help").stdout
    assert help_of_script.startswith("usage: timeseries-server [-h]")
    assert help_of_module.startswith("usage: python -m app [-h]")


def test_the_script_prints_the_settings(server_commands: Path, elsewhere: Path) -> None:
    """The same table as the checkout's."""
    assert run(elsewhere, server_commands / SCRIPT, "settings").stdout == f"{settings_table()}\n"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_script_serves_from_any_folder(
    server_commands: Path, elsewhere: Path, artifact: Artifact, workers: str
) -> None:
    """Without the checkout; not even its workers take another `app` in the working directory for theirs."""
    command = in_folder(elsewhere, server_commands / SCRIPT)
    with running_server(command=command, ARTIFACT=str(artifact.folder), WORKERS=workers) as server:
        with Client(server.url) as client:
            answers = client.predict(artifact.golden.series)
        assert [answer.label for answer in answers] == labels_of(artifact)
        assert server.stop() == 0


def test_a_lock_file_on_top_of_the_servers_adds_its_extra(
    pip: Path, wheel: Path, server_commands: Path, elsewhere: Path, artifact: Artifact, tmp_path: Path
) -> None:
    """Traces cannot be had with `serve.txt` alone, and can with `extras/traces.txt` beside it."""
    model = str(artifact.folder)
    script = server_commands / SCRIPT
    without = run(elsewhere, script, "serve", TRACES="true", ARTIFACT=model, PORT=str(free_port()))
    assert without.returncode == 1
    assert "install requirements/extras/traces.txt" in without.stderr.splitlines()[-1]
    commands = make_environment(tmp_path / "venv", pip, wheel, "serve", "extras/traces")
    command = in_folder(elsewhere, commands / SCRIPT)
    with running_server(command=command, TRACES="true", ARTIFACT=model) as server:
        assert server.stop() == 0


def test_a_checkout_has_the_script_too(client_commands: Path, elsewhere: Path, tmp_path: Path) -> None:
    """`make serve` writes one beside its Python: it runs the checkout's files, from any folder."""
    environment = tmp_path / ".venv-serve"
    environment.symlink_to(client_commands.parent)
    variables = (f"SERVE={environment}", f"--assume-old={environment}/ready")
    script = environment / "bin" / SCRIPT
    installed = script.read_bytes()
    script.unlink()
    try:
        made = run(ROOT, "make", *variables, str(script))
        assert made.returncode == 0, made.stderr
        done = run(elsewhere, script, "predict", "--help")
        assert done.stdout.startswith("usage: python -m app predict"), done.stderr
    finally:
        script.write_bytes(installed)
        script.chmod(0o755)
