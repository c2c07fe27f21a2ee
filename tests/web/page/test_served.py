"""`/` and `/choices` as they are sent: headers, policy, no address of another server, fields."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest

from qembed.web.http.endpoints.page import kept_fields
from qembed.web.http.settings import make_settings
from qembed.web.page.assemble import SCRIPTS, search_page
from tests.cli.conftest import Shell
from tests.web.http.conftest import TOKEN, Site
from tests.web.page.conftest import HOSTILE, served_copy

TEXT = search_page().body.decode()


def test_the_page_and_its_headers(site: Site) -> None:
    answer = site.client.get("/?q=parcel&f=%5B1%5D")
    assert (answer.status_code, answer.text) == (200, TEXT)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    policy = dict(
        p.strip().split(" ", 1) for p in answer.headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert policy["trusted-types"] == "'none'"
    for tag in ("script", "style"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", TEXT, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert policy[f"{tag}-src"] == f"'sha256-{digest}'"
    assert site.client.head("/").status_code == 200


def test_it_has_all_parts_and_no_address_of_another_server() -> None:
    links = set(re.findall(r"(?:[a-z]+:)?//[\w.\-/]+", TEXT))
    assert links == {
        "http://www.w3.org/2000/svg"
    }  # a name of a kind of element: nothing is fetched
    assert not re.search(
        r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|on\w+=)", TEXT
    )
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=(?!\"data:,\")", TEXT)
    assert TEXT.count("/* Start, events, keys. */") == 1
    assert len(SCRIPTS) == 12
    assert TEXT.isascii() is False


@pytest.mark.slow
def test_the_page_needs_no_token_but_what_it_shows_does(hostile: Shell, tmp_path: Path) -> None:
    with served_copy(hostile, tmp_path, make_settings("0", TOKEN, environ={})) as guarded:
        bare = {"Authorization": ""}
        assert guarded.client.get("/", headers=bare).text == TEXT
        assert guarded.client.get("/choices", headers=bare).status_code == 401
        other = {**bare, "Host": "evil.example.com"}
        assert guarded.client.get("/?q=x", headers=other).status_code == 421
        assert guarded.get("/choices")["documents"] > 40


@pytest.mark.slow
def test_choices(site: Site, hostile: Shell) -> None:
    found = site.get("/choices")
    told = json.loads(hostile("status", "--fields", "--format", "json").out)["fields"]
    assert found["fields"] == [f for f in told if f["documents"]]
    assert found["documents"] == 47
    fields = {f["name"]: f for f in found["fields"]}
    assert (fields["year"]["min"], fields["year"]["max"]) == (2000, 2039)
    assert {"value": HOSTILE, "count": 1} in fields["lang"]["values"]
    assert found["log"] == "off"
    assert found["most_hits"] == 1000
    assert "late" in found["rerankers"]
    hostile.write(
        "extra/new.jsonl", json.dumps({"_id": "new", "text": "A new one", "fresh": 1}) + "\n"
    )
    assert hostile("index", "extra/new.jsonl").code == 0
    site.get("/search?q=new")  # a server looks for a new generation when it is asked
    kept = kept_fields[site.index]
    kept_fields[site.index] = kept._replace(seconds=1e6)
    assert site.get("/choices")["generation"] == found["generation"]
    kept_fields[site.index] = kept._replace(seconds=0.0)
    again = site.get("/choices")
    assert again["generation"] > found["generation"]
    assert "fresh" in {f["name"] for f in again["fields"]}
