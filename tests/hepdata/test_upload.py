"""From a workspace to the upload and back, with HEPData's own client and a server that takes uploads as HEPData does.

The server knows users and their passwords, asks HEPData's validator about what it gets, and offers it as a record.
"""

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from hftranslate.cli import cli
from hftranslate.hepdata.check import check
from hftranslate.hepdata.download import download
from hftranslate.hepdata.web import Rules
from tests.hepdata.likelihoods import write
from tests.hepdata.servers import Answer, serving

#: hepdata-cli's own command, sent to the server of the tests; what it asks for, it is given.
CLIENT = """
import sys
import hepdata_cli.api
hepdata_cli.api.SITE_URL = sys.argv.pop(1)
from hepdata_cli.cli import cli
cli()
"""
#: HEPData's validator, in a process of its own: it leaves files open.
VALIDATOR = """
import sys
from hepdata_validator.full_submission_validator import FullSubmissionValidator
validator = FullSubmissionValidator()
valid = validator.validate(directory=sys.argv[1])
sys.exit(0 if valid else str([m.message for found in validator.get_messages().values() for m in found]))
"""
USER, PASSWORD = "coordinator@example.org", "secret"


class Sandbox:
    """What a server does with an upload: look at who sends it, ask the validator, and keep it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.fields = folder, {}

    def receive(self, fields: dict[str, bytes]) -> Answer:
        self.fields = fields
        if (fields["email"].decode(), fields["pswd"].decode()) != (USER, PASSWORD):
            return refusal(403, "Wrong password or user")
        if fields["sandbox"] != b"True":
            return refusal(403, "An invitation cookie is needed")
        (self.folder / "upload.tar.gz").write_bytes(fields["hep_archive"])
        with tarfile.open(self.folder / "upload.tar.gz") as archive:
            archive.extractall(self.folder / "record", filter="data")
        asked = subprocess.run(
            [sys.executable, "-c", VALIDATOR, self.folder / "record"], capture_output=True, text=True, check=False
        )
        if asked.returncode:
            return refusal(400, asked.stdout + asked.stderr)
        return Answer(b"{}", "application/json")


def refusal(status: int, message: str) -> Answer:
    return Answer(json.dumps({"message": message}).encode(), "application/json", status=status)


@pytest.fixture
def server(tmp_path):
    with serving() as started:
        started.answers["/ping"] = Answer(b"OK", "text/plain")
        yield started


@pytest.fixture
def sandbox(server, tmp_path):
    (tmp_path / "server").mkdir()
    sandbox = Sandbox(tmp_path / "server")
    server.receivers["/record/cli_upload"] = sandbox.receive
    return sandbox


@pytest.fixture
def upload_file(tmp_path):
    """What ``hepdata init`` and ``hepdata bundle --upload`` make of a workspace and a patch set."""
    workspace, patchset = write(tmp_path)
    run("hepdata", "init", "--workspace", workspace, "--patchset", patchset, "-o", tmp_path / "submission.toml")
    described = ("--submission", tmp_path / "submission.toml", "--licence", "cc-by-4.0", "--energy", 13000)
    target = tmp_path / "submission.tar.gz"
    run("hepdata", "bundle", tmp_path / "submission", *described, "--upload", target)
    return target


def run(*words) -> None:
    result = CliRunner().invoke(cli, list(map(str, words)))
    assert result.exit_code == 0, result.output


def client(server, *words) -> subprocess.CompletedProcess:
    pytest.importorskip("hepdata_validator")
    command = [sys.executable, "-c", CLIENT, server.address, "upload", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_sandbox_takes_it_and_what_comes_back_is_the_likelihood(server, sandbox, upload_file, tmp_path):
    done = client(server, upload_file, "-s", "TRUE", "-e", USER, "-p", PASSWORD)
    assert done.returncode == 0, done.stderr
    assert "/record/sandbox" in done.stdout
    assert sandbox.fields["hep_archive"] == upload_file.read_bytes()

    (record, *tables) = yaml.safe_load_all((tmp_path / "server/record/submission.yaml").read_text())
    (resource,) = record["additional_resources"]
    archive = tmp_path / "server/record" / resource["location"]
    server.answers["/record/1"] = Answer(
        json.dumps(published(server, resource["type"], archive.name)).encode(), "application/json"
    )
    server.answers["/record/resource/7?view=true"] = Answer(archive.read_bytes(), "application/x-tar")
    download(server.url("/record/1"), tmp_path / "back", rules=Rules(plain_http_to_this_machine=True))
    assert json.loads((tmp_path / "back/BkgOnly.json").read_text()) == json.loads((tmp_path / "bkg.json").read_text())
    assert check(tmp_path / "back", points=1).passed
    assert len(tables) == 1  # the yields


def published(server, kind: str, name: str) -> dict:
    """The description of a record with this one resource."""
    analysis = {"type": kind, "analysis": server.url("/record/resource/7"), "filename": name}
    return {"record": {"analyses": [analysis]}, "resources_with_doi": []}


def test_a_wrong_password_is_told_and_nothing_is_kept(server, sandbox, upload_file):
    done = client(server, upload_file, "-s", "TRUE", "-e", USER, "-p", "guessed")
    assert done.returncode != 0
    assert "Wrong password or user" in done.stdout + done.stderr
    assert not list(sandbox.folder.iterdir())


def test_what_the_validator_refuses_is_refused(server, sandbox, tmp_path):
    """The server is no pushover: an archive with tables that are none is not taken."""
    (tmp_path / "submission.yaml").write_text("---\ncomment: nothing\n---\nname: CLs\ndata_file: cls.yaml\n")
    with tarfile.open(tmp_path / "bad.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "submission.yaml", "submission.yaml")
    done = client(server, tmp_path / "bad.tar.gz", "-s", "TRUE", "-e", USER, "-p", PASSWORD)
    assert done.returncode != 0
    assert "required property" in done.stdout + done.stderr
