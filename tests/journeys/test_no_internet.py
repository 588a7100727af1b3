"""No internet is needed to run: pages, fonts, scripts and models are here. Tried where there is no network at all."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from audio.speech import word_error_rate

ROOT = Path(__file__).parents[2]
PACKAGES = ("audio", "hardware", "archive", "kiosk")
REACHING = {
    "httpx", "urllib.request", "urllib3", "http.client", "requests", "aiohttp", "ftplib", "smtplib", "huggingface_hub",
    "obstore", "psycopg", "tusclient", "xmlrpc", "socket",
}  # fmt: skip
MAY = {
    "archive/transports/wire.py": "hands on to the archive the library has set",
    "archive/transports/networds.py": "puts its failures into words",
    "kiosk/appliance/fetching.py": "fetches the bundle whose address a person has typed",
    "audio/models.py": "fetches a speech model when a person asks for it (hearth models fetch)",
    "archive/objects/s3.py": "an archive's object store, where one is set",
    "archive/catalogue/postgres.py": "an archive's database, where one is set",
    "archive/partners/exchange.py": "asks a partner archive that people of this one have made known",
    "archive/portal/app.py": "listens on this machine itself",
    "archive/portal/binding.py": "looks at this machine's own addresses",
    "archive/portal/community/serving.py": "listens on this machine itself",
    "archive/patterns/turnjobs.py": "asks this machine's name",
    "archive/server/deposits.py": "asks this machine's name",
    "archive/server/erase.py": "asks this machine's name",
    "kiosk/bench_box.py": "hears the box it measures, through a file",
    "hardware/notify.py": "speaks to systemd, through a file",
}
"""Every module that can reach out or listen at all, and for what."""
WEB = (".html", ".css", ".js", ".svg")
LOADING = re.compile(
    r"""(?:\b(?:src|srcset|poster|data|action)\s*=\s*["']|<link[^>]*href\s*=\s*["']|url\(\s*["']?|@import\s+["']?"""
    r"""|\b(?:fetch|import|importScripts|EventSource|WebSocket|Worker)\(\s*["'`])(?:[a-z]+:)?//""",
    re.IGNORECASE,
)
_NOBODY = ("unshare", "--user", "--map-root-user", "--net")


def alone() -> bool:
    """Whether this machine can start a program without any network."""
    tried = shutil.which("unshare") and subprocess.run([*_NOBODY, "true"], capture_output=True, check=False)
    return bool(tried) and tried.returncode == 0


needs_namespaces = pytest.mark.skipif(not alone(), reason="no program can be shut off from the network here (unshare)")


def reaching(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        found |= {name for name in names if name in REACHING or name.partition(".")[0] in REACHING - {"http", "urllib"}}
    return found


def test_who_can_reach_out_is_named_with_the_reason():
    found = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if reaching(path.read_text(encoding="utf-8"))
    }
    assert found - set(MAY) == set()
    assert {name for name in set(MAY) - found if (ROOT / name).exists()} == set(), "no longer needed in MAY"


def test_somebody_new_would_be_seen():
    assert reaching("import urllib.request") == {"urllib.request"}
    assert reaching("from http import client\nfrom http.client import HTTPSConnection") >= {"http.client"}
    assert reaching("def f():\n    import httpx") == {"httpx"}
    assert reaching("from urllib.parse import quote\nfrom http import HTTPStatus") == set()


def test_no_page_style_script_or_picture_loads_anything_from_elsewhere():
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.suffix in WEB]
    assert len(files) > 30
    assert {path.name for path in files if LOADING.search(path.read_text(encoding="utf-8"))} == set()


@pytest.mark.parametrize(
    "line",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<link rel="stylesheet" href="//fonts.example/css">',
        "@font-face { src: url(https://fonts.example/a.woff2) }",
        "@import 'http://x.example/a.css'",
        "fetch('https://x.example/')",
        '<img srcset="https://x.example/a.png 2x">',
    ],
)
def test_a_page_that_did_would_be_seen(line):
    assert LOADING.search(line)


@needs_namespaces
def test_a_visit_and_its_words_need_no_network_not_even_this_machine_s_own(
    program, clean_environment, speech, tmp_path
):
    shown = subprocess.run([*_NOBODY, "ip", "-o", "link"], capture_output=True, text=True, check=False)
    assert "eth" not in shown.stdout
    one = speech[0]
    words = ["--mic", one.path, "--presses", "talk agree @1 talk @speech @1 talk keep play_here done listen @1 stop"]
    done = subprocess.run(
        [*_NOBODY, program, "simulate", "--home", tmp_path / "home", *words, "--json"],
        env=clean_environment(), capture_output=True, text=True, timeout=200, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (story,) = json.loads(done.stdout)["stories"]
    assert word_error_rate([(one.text, story["transcript"])]) < 0.5
    looked = subprocess.run(
        [*_NOBODY, program, "doctor", "--home", tmp_path / "home", "--json"],
        env=clean_environment(), capture_output=True, text=True, timeout=100, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    found = {one["code"]: one["ok"] for one in json.loads(looked.stdout)["findings"]}
    assert found["model-en"]
    assert found["ledger"]
    assert found["sync"], "without an archive nothing is missing"
