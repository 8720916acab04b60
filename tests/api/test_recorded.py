"""The cases recorded from AWS. They lie beside the repository and may be absent: then this is skipped."""

import json
import os
import pathlib
import re
import subprocess
import sys
import warnings

import pytest

from harness import ROOT, client_environment

SHARED = pathlib.Path(os.environ.get("STEPYARD_SHARED") or ROOT.parent / "shared")
REPLAY = SHARED / "conformance" / "replay.py"
FLOOR_FILE = ROOT / "tests" / "conformance" / "recorded_floor.json"

# Fixed in the cases: where replay.py serves Lambda and S3. So the kinds run one after the other.
LAMBDA = "http://127.0.0.1:9101"
S3 = "http://127.0.0.1:9102"

TIMEOUT_SECONDS = 900

FLOORS = json.loads(FLOOR_FILE.read_text())


@pytest.mark.parametrize(
    ("language", "kind"),
    [(language, kind) for language, floors in FLOORS.items() for kind in floors])
def test_as_many_cases_pass_as_were_recorded(start_server, language, kind):
    if not REPLAY.exists():
        warnings.warn(f"{REPLAY} is absent: the cases recorded from AWS are SKIPPED")
        pytest.skip("the recorded cases are absent")
    server = start_server("--lambda-functions", "*", environment={
        "AWS_ENDPOINT_URL_LAMBDA": LAMBDA, "AWS_ENDPOINT_URL_S3": S3})
    done = subprocess.run(
        [sys.executable, REPLAY, "--endpoint", server.url, "--kind", kind, "--language", language,
         "--wait", "10", "-q"],
        capture_output=True, text=True, timeout=TIMEOUT_SECONDS, env=client_environment())
    counted = re.search(r"^(\d+) passed, (\d+) failed$", done.stdout, re.MULTILINE)
    assert counted, done.stdout[-2_000:] + done.stderr[-2_000:]
    passed = int(counted[1])
    floor = FLOORS[language][kind]
    print(f"{language}, {kind}: {counted[0]}; the floor is {floor}")
    assert passed >= floor, "\n".join(re.findall("^FAIL.*", done.stdout, re.MULTILINE))
    if passed > floor:
        warnings.warn(f"{passed} {language} cases of kind {kind} pass: raise the floor in {FLOOR_FILE.name}")
