"""The page of a tuning in a real browser (make browser)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from qembed.evaluation.report.tuning import write_tuning
from tests.evaluation.report.out_of_sight import OUT_OF_SIGHT
from tests.evaluation.report.requested import requested
from tests.evaluation.report.tuning_body import tuning_body

pytestmark = pytest.mark.browser


HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


class TestTuning:
    """The page of `qembed tune --report`."""

    @pytest.fixture
    def tuning(self, browser: Any, tmp_path: Path) -> Any:
        path = tmp_path / "tuning.html"
        write_tuning(tuning_body(), path)
        browser.set_window_size(1280, 1600)
        browser.get_log("performance")
        browser.get(path.as_uri())
        return browser

    def changes(self, tuning: Any) -> list[float]:
        found: list[float] = tuning.execute_script(
            "return [...document.querySelectorAll('#table tbody tr')].filter(r => !r.hidden)"
            ".map(r => +r.cells[3].dataset.value)"
        )
        return found

    def test_nothing_is_fetched_and_nothing_hostile_runs(self, tuning: Any) -> None:
        wanted = requested(tuning)
        assert wanted
        assert [url for url in wanted if not url.startswith(("file:", "data:"))] == []
        assert tuning.title == "Tuning of an index"
        assert tuning.get_log("browser") == []
        assert HOSTILE in tuning.execute_script(
            "return document.querySelector('#table').textContent"
        )

    def test_sorting_and_filtering(self, tuning: Any) -> None:
        from selenium.webdriver.common.by import By
        from selenium.webdriver.support.ui import Select

        everything = self.changes(tuning)
        assert everything == sorted(everything)
        tuning.find_elements(By.CSS_SELECTOR, "#table th button")[3].click()
        assert self.changes(tuning) == sorted(everything, reverse=True)
        for name, count in (("better", 8), ("worse", 8), ("same", 8), ("all", 24)):
            Select(tuning.find_element(By.ID, "show")).select_by_value(name)
            assert len(self.changes(tuning)) == count
        tuning.find_element(By.ID, "filter").send_keys("words q7")
        assert len(self.changes(tuning)) == 1
        assert tuning.find_element(By.ID, "count").text == "1 of 24 queries"

    def test_by_keyboard_alone(self, tuning: Any) -> None:
        from selenium.webdriver.common.by import By
        from selenium.webdriver.common.keys import Keys

        summary = tuning.find_element(By.CSS_SELECTOR, "summary")
        body = tuning.find_element(By.TAG_NAME, "body")
        body.send_keys(Keys.TAB)
        for _ in range(4):
            if tuning.switch_to.active_element == summary:
                break
            tuning.switch_to.active_element.send_keys(Keys.TAB)
        assert tuning.switch_to.active_element == summary
        summary.send_keys(Keys.ENTER)
        details = tuning.find_element(By.TAG_NAME, "details")
        assert details.get_attribute("open") is not None

    @pytest.mark.parametrize("width", [390, 1280])
    def test_the_page_is_no_wider_than_the_window(self, tuning: Any, width: int) -> None:
        tuning.set_window_size(width, 900)
        wide = tuning.execute_script("return document.documentElement.scrollWidth")
        assert wide <= tuning.execute_script("return document.documentElement.clientWidth")
        assert tuning.execute_script(OUT_OF_SIGHT) == []
        if folder := os.environ.get("QEMBED_SCREENSHOTS"):
            tuning.execute_script("document.querySelector('.bars').scrollIntoView()")
            tuning.save_screenshot(f"{folder}/tuning-{width}.png")
