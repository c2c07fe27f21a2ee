"""`/openapi.json` is valid, its examples work, answers are as it says; `/metrics` counts."""

from __future__ import annotations

import time
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from prometheus_client.parser import text_string_to_metric_families

from qembed.web.http.description.openapi import describe
from qembed.web.http.routes import PATHS, PREFIXES
from tests.web.http.conftest import Site


@pytest.fixture(scope="module")
def spec(site: Site) -> Any:
    return site.get("/openapi.json")


@pytest.mark.slow
def test_it_is_valid_and_has_each_path_and_method(site: Site, spec: Any) -> None:
    validate(spec)
    validate(describe("http://localhost:1", True))
    described = {
        (path.replace("{id}", ""), method.upper())
        for path, operations in spec["paths"].items()
        for method in operations
    }
    served = {(p, m) for paths in (PATHS, PREFIXES) for p, ms in paths.items() for m in ms}
    assert described == served
    assert spec["servers"] == [{"url": site.url}]


@pytest.mark.slow
def test_parameters_are_those_that_are_taken(site: Site, spec: Any) -> None:
    """An unknown parameter is answered with all known ones."""
    for path, operations in spec["paths"].items():
        url = path.replace("{id}", "refunds.md")
        for method, operation in operations.items():
            if method == "post":
                if path == "/feedback":
                    continue
                name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
                named = set(spec["components"]["schemas"][name.rpartition("/")[2]]["properties"])
                error = site.post(url, {"nonsense": 1}, 400)["error"]
            elif "parameters" in operation:
                named = {p["name"] for p in operation["parameters"] if p["in"] == "query"}
                error = site.get(f"{url}?nonsense=1", 400)["error"]
            else:
                continue
            known = error["message"].partition("(known: ")[2].partition(")")[0]
            assert named - {"q"} <= set(known.split(", ")), path


@pytest.mark.slow
def test_examples_work_and_answers_are_as_described(site: Site, spec: Any) -> None:
    logged = site.post("/search", {"query": "w1", "log": True})["query_id"]
    checked = 0
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            content = operation["responses"]["200"]["content"].get("application/json")
            if content is None or not content["schema"]:
                continue
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            example = body.get("example")
            if example and "query_id" in example:
                example = {**example, "query_id": logged}
            wanted = {
                p["name"]: p["example"] for p in operation.get("parameters", []) if "example" in p
            }
            url = path.replace("{id}", "refunds.md")
            answer = site.client.request(method, url, params=wanted, json=example)
            while answer.status_code == 202:  # it is being made
                _check(
                    spec,
                    operation["responses"]["202"]["content"]["application/json"]["schema"],
                    answer.json(),
                )
                time.sleep(0.05)
                answer = site.client.request(method, url, params=wanted, json=example)
            assert answer.status_code == 200, (path, answer.text)
            _check(spec, content["schema"], answer.json())
            if example:
                _check(spec, body["schema"], example)
            wrong = operation["responses"].get("400", {}).get("content", {})
            if wrong and method == "post":
                schema = wrong["application/json"]["schema"]
                _check(spec, schema, site.client.post(url, json={"nonsense": 1}).json())
            checked += 1
    assert checked >= 8


def _check(spec: Any, schema: Any, value: Any) -> None:
    whole = {**schema, "components": spec["components"]}
    Draft202012Validator(whole).validate(value)


@pytest.mark.slow
def test_metrics(site: Site) -> None:
    def values() -> dict[tuple[str, str], float]:
        answer = site.client.get("/metrics")
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        return {
            (
                s.name,
                ",".join(f"{k}={v}" for k, v in sorted(s.labels.items()) if k != "le"),
            ): s.value
            for family in text_string_to_metric_families(answer.text)
            for s in family.samples
        }

    before = values()
    site.get("/search?q=w1+w2+w3+w4+never+asked")
    site.get("/search?q=w1&k=0", 400)
    site.get("/nothing", 404)
    after = values()

    def more(name: str, labels: str) -> float:
        return after[(name, labels)] - before.get((name, labels), 0.0)

    assert more("qembed_http_requests_total", "endpoint=/search,status=200") == 1
    assert more("qembed_http_requests_total", "endpoint=/search,status=400") == 1
    assert more("qembed_http_requests_total", "endpoint=unknown,status=404") == 1
    assert more("qembed_http_request_seconds_count", "endpoint=/search") == 2
    assert more("qembed_http_errors_total", "code=bad_request") == 1
    for stage in ("encode", "search", "fetch"):
        assert more("qembed_stage_seconds_count", f"stage={stage}") == 1
    assert more("qembed_requests_total", "") == 1
    assert more("qembed_encoder_cache_misses_total", "") >= 1
    assert after[("qembed_index_generation", "")] == site.live.generation
    assert after[("qembed_index_generation_age_seconds", "")] > 0
    assert after[("qembed_http_connections", "")] >= 1
    assert after[("qembed_http_calls", "state=queued")] == 0
