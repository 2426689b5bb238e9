"""The files of a deployment agree with each other and with the code."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from app.api.parameters import _SECONDS
from app.api.recorder import _SAFE_ID
from app.contract import Artifact
from app.http.head import MAX_HEADERS
from app.server.serve import GRACE_SECONDS
from app.settings import Settings
from qa.harness.balancer import BALANCER_CONFIG
from qa.harness.messages import as_json
from qa.harness.process import ROOT
from qa.harness.server import free_port

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
BALANCER = BALANCER_CONFIG.read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
REPLICAS = {name: service for name, service in SERVICES.items() if name.startswith("replica-")}


def _default(setting: str) -> Any:
    return Settings.model_fields[setting].default


def _seconds(text: str) -> float:
    """A duration as compose and HAProxy write it."""
    number, unit = re.fullmatch(r"([\d.]+)(ms|s|m)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"ms": 0.001, "s": 1, "m": 60}[unit]


def _balancer_seconds(option: str) -> float:
    """The duration that the balancer's configuration gives an option."""
    return _seconds(re.findall(rf"\b{option} (\d+m?s)\b", BALANCER)[0])


def _balancer_number(name: str) -> int:
    """The number that the balancer's configuration gives an option, or an environment variable by default."""
    return int(re.findall(rf"(?:^\s*{re.escape(name)} |\{{{name}-)(\d+)", BALANCER, flags=re.MULTILINE)[0])


def _instructions(name: str) -> list[str]:
    """The arguments of every instruction of that name in the Dockerfile, continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", " ")
    return re.findall(rf"^{name}\s+(.*)$", text, flags=re.MULTILINE)


def test_the_same_port_is_meant_everywhere() -> None:
    """Code, image, balancer and compose agree on the port."""
    port = str(_default("port"))
    assert _instructions("EXPOSE") == [port]
    assert f"PORT={port}" in " ".join(_instructions("ENV")).split()
    assert f'"${{PORT-{port}}}"' in BALANCER.replace(":$", "$")
    assert SERVICES["balancer"]["environment"]["PORT"] == port
    assert SERVICES["balancer"]["ports"][0].endswith(f":{port}")


def test_the_balancer_knows_every_replica_of_compose_and_no_other() -> None:
    """Each replica has a line in the balancer's configuration, an address, and the right port."""
    servers = re.findall(r'^\s*server (\S+) "\$\{(\w+)-(\S+)\}"', BALANCER, flags=re.MULTILINE)
    given = SERVICES["balancer"]["environment"]
    assert {name for name, _, _ in servers} == set(REPLICAS)
    for name, variable, default in servers:
        if variable.startswith("GRPC_"):  # off by default
            assert default == f"{name}:8001"
        else:
            assert given[variable] == default == f"{name}:{_default('port')}"


def test_what_compose_sets_are_settings() -> None:
    """No replica gets a variable that the server does not read."""
    for service in REPLICAS.values():
        assert {name.lower() for name in service["environment"]} <= set(Settings.model_fields)


@pytest.mark.parametrize("name", sorted(REPLICAS))
def test_a_replica_has_time_to_drain(name: str) -> None:
    """Compose waits longer than a drain can take, and a drain longer than the balancer needs to notice."""
    given = REPLICAS[name]["environment"]
    delay, timeout = float(given["DRAIN_DELAY"]), float(given["DRAIN_TIMEOUT"])
    assert _seconds(REPLICAS[name]["stop_grace_period"]) >= delay + timeout + GRACE_SECONDS
    falls = int(re.findall(r"\bfall (\d+)", BALANCER)[0])
    assert delay > 2 * (_balancer_seconds("inter") + (falls - 1) * _balancer_seconds("fastinter"))


def test_the_balancer_waits_longer_than_a_replica_may_take() -> None:
    """A slow answer is the replica's 504, not a second try of work that is still going on."""
    assert _balancer_seconds("timeout server") > _default("request_timeout")
    assert 'set-header X-Request-Timeout "${TRY_TIMEOUT-4}" ' in BALANCER
    assert 'set-timeout server "${TRY_TIMEOUT-4}500ms" ' in BALANCER


def test_two_replicas_can_be_tried_within_the_request_timeout() -> None:
    """One that hangs costs a caller no more than a slow answer does."""
    (seconds,) = set(re.findall(r"\bTRY_TIMEOUT-(\d+)", BALANCER))
    assert 2 * (int(seconds) + 0.5) < _default("request_timeout")


def test_the_balancer_reads_a_timeout_as_the_server_does() -> None:
    """What the server refuses as no number, the balancer does not replace by one."""
    assert f"-m reg ^{_SECONDS.pattern}$" in BALANCER


def test_the_balancer_takes_more_headers_than_a_replica() -> None:
    """So that it is the replica which says that they are too many."""
    assert _balancer_number("tune.http.maxhdr") > MAX_HEADERS


def test_the_balancers_memory_holds_all_its_buffers() -> None:
    """The request as it is kept for a second try, as it is sent, and the next one of that connection."""
    buffers = 3 * _balancer_number("maxconn") * _balancer_number("RETRY_BYTES")
    mebibytes = int(SERVICES["balancer"]["mem_limit"].removesuffix("m"))
    assert mebibytes * 2**20 >= buffers + 256 * 2**20


def test_a_replicas_memory_holds_what_its_limits_let_in(artifact: Artifact) -> None:
    """Bodies, series that wait and the process itself: it is not killed over what it has accepted."""
    settings = Settings()
    queue = settings.max_queue_rows * artifact.contract.input.length * 4
    process = 200 * 2**20
    for name in ("replica-1", "replica-2", "replica-gpu"):
        gibibytes = int(SERVICES[name]["mem_limit"].removesuffix("g"))
        assert gibibytes * 2**30 >= process + queue + 2 * settings.max_body_bytes_in_flight


def test_the_balancer_finds_the_files_that_it_names() -> None:
    """They are mounted where its configuration is."""
    mounts = dict(volume.split(":")[:2] for volume in SERVICES["balancer"]["volumes"])
    folder = mounts["./deploy/haproxy.cfg"].rpartition("/")[0]
    assert mounts["./deploy/errors"] == f"{folder}/errors"
    assert "default-path config" in BALANCER


def test_the_balancer_retries_what_another_replica_can_answer_and_nothing_else() -> None:
    """Lost connections, replicas that hang and a 503 are tried again; a full queue and a 504 are not.

    In other protocols a full queue is 503, so there a 503 is not tried again.
    """
    other, native, grpc = (
        set(found.split()) for found in re.findall(r"^\s*retry-on (.*)$", BALANCER, re.MULTILINE)
    )
    assert other == {"conn-failure", "empty-response", "junk-response", "response-timeout"}
    assert native == {*other, "503"}
    assert grpc == {"conn-failure"}


def test_all_backends_of_the_balancer_have_the_same_replicas() -> None:
    """And one check of each, which the other backends follow; gRPC has other ports."""
    found = re.findall(r"^\s*server (\S+) (\S+)(?: track (\S+))?$", BALANCER, flags=re.MULTILINE)
    native, *others, grpc = (found[at : at + len(REPLICAS)] for at in range(0, len(found), len(REPLICAS)))
    tracked = [(name, f"replicas/{name}") for name, *_ in native]
    for other in others:
        assert [server[:2] for server in other] == [server[:2] for server in native]
    for other in (*others, grpc):
        assert [(name, check) for name, _, check in other] == tracked


def test_requests_of_64_series_can_be_held_for_a_second_try(artifact: Artifact) -> None:
    """As JSON with all their digits they fit the balancer's buffer."""
    series = np.resize(artifact.golden.series, (64, artifact.contract.input.length))
    (buffer,) = re.findall(r'^\s*tune.bufsize "\$\{RETRY_BYTES-(\d+)\}"$', BALANCER, flags=re.MULTILINE)
    assert len(as_json(series)) < int(buffer)


def test_the_balancer_keeps_the_request_ids_that_the_server_keeps() -> None:
    """Both judge by the same expression, so an id is never replaced on the way."""
    assert f"-m reg ^{_SAFE_ID.pattern}$" in BALANCER


def test_haproxy_accepts_the_configuration(haproxy: str) -> None:
    """The program itself finds no error in it."""
    addresses = {name: f"127.0.0.1:{free_port()}" for name in ("REPLICA_1", "REPLICA_2", "REPLICA_GPU")}
    command = [haproxy, "-c", "-f", str(BALANCER_CONFIG)]
    answer = subprocess.run(command, env=os.environ | addresses, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert "WARNING" not in answer.stderr


def test_the_health_command_of_the_image_says_no_where_nothing_listens() -> None:
    """The Dockerfile's health check is a command of the server: 1 and one line when it is not there."""
    (health,) = _instructions("HEALTHCHECK")
    program, *arguments = json.loads(health[health.index("CMD") + 3 :])
    assert program == "python"
    environment = os.environ | {"HOST": "0.0.0.0", "PORT": str(free_port())}
    command = [sys.executable, *arguments]
    answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1


def test_the_image_runs_the_server_as_process_1_and_not_as_root() -> None:
    """Exec form, so that the signal arrives; SIGTERM, which the server drains at; a user by number."""
    entry_point, command = (json.loads(_instructions(name)[0]) for name in ("ENTRYPOINT", "CMD"))
    assert [*entry_point, *command] == ["python", "-m", "app", "serve"]
    assert _instructions("STOPSIGNAL") == ["SIGTERM"]
    users = _instructions("USER")
    assert len(users) == 2
    assert all(re.fullmatch(r"[1-9]\d*:[1-9]\d*", user) for user in users)


def test_the_default_image_is_the_one_for_a_cpu() -> None:
    """`docker build .` without a target makes the small one."""
    assert _instructions("FROM")[-1].endswith(" AS cpu")


def test_everything_the_dockerfile_copies_is_let_in_and_exists() -> None:
    """`.dockerignore` hides all but what the image needs."""
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    copies = [shlex.split(line) for line in _instructions("COPY") if not line.startswith("--from")]
    copied = {source for *sources, _ in copies for source in sources}
    assert {source if source in let_in else Path(source).parts[0] for source in copied} == let_in
    assert all((ROOT / source).exists() for source in copied)


def _collect_extras(folder: Path, variables: str) -> subprocess.CompletedProcess[str]:
    """Run the image's step that joins the lock files of extras, in a folder that stands for `/tmp`."""
    (step,) = [line for line in _instructions("RUN") if "$EXTRAS" in line]
    shutil.copytree(ROOT / "requirements" / "extras", folder / "extras")
    script = f"{variables}; {step.replace('/tmp', str(folder))}"  # noqa: S108 - it is replaced
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("extras", ["", "traces", "traces convert", " convert  traces "])
def test_an_image_gets_the_extras_that_are_requested(tmp_path: Path, extras: str) -> None:
    """Their lock files, one after the other; both images install them, and no others by default."""
    done = _collect_extras(tmp_path, f"EXTRAS='{extras}'")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    locks = [(ROOT / "requirements" / "extras" / f"{name}.txt").read_text() for name in extras.split()]
    assert (tmp_path / "extras.txt").read_text() == "".join(locks)
    assert [line for line in _instructions("ARG") if "EXTRAS" in line] == ["EXTRAS"]
    installs = [line for line in _instructions("RUN") if "--requirement" in line]
    assert len(installs) == 2
    assert all("--requirement /tmp/extras.txt" in line for line in installs)


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ("EXTRAS='traces grcp'", "EXTRAS: requirements/extras has no grcp.txt; use any of: {names}"),
        ("TRACES=1", 'TRACES: not a build argument any more; use EXTRAS="traces"'),
    ],
)
def test_an_extra_that_does_not_exist_fails_the_build(tmp_path: Path, variables: str, line: str) -> None:
    """In one line, which lists the names that there are; so does the argument that EXTRAS replaced."""
    done = _collect_extras(tmp_path, variables)
    names = " ".join(sorted(path.stem for path in (ROOT / "requirements" / "extras").iterdir()))
    assert (done.returncode, done.stderr) == (1, f"{line.format(names=names)}\n")


def test_images_are_pinned_to_a_version_and_to_no_registry() -> None:
    """Every image from outside has a version, and comes from wherever the engine is told to look."""
    stages = set(re.findall(r" AS (\S+)", DOCKERFILE))
    images = {line.split()[0] for line in _instructions("FROM")} - stages
    images.add(SERVICES["balancer"]["image"])
    for image in images:
        assert re.fullmatch(r"[a-z]+:\d+\.\d+[a-z0-9.-]*", image), image


def test_services_run_with_as_little_as_they_need() -> None:
    """Read-only, without capabilities, and with no way to new ones."""
    for service in SERVICES.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
