"""The dashboard and the alerts ask only for what a running service shows, and say what to do."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest
import yaml

from api.settings.table import TABLE
from bot.metrics import HTTP_LABELS
from tests.support.promql import OVER_TIME, NotPromql, parse
from tests.support.scraped import series

ROOT = Path(__file__).parent.parent
DASHBOARD = json.loads((ROOT / "deploy/grafana/roomscribe.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [(panel["title"], target) for panel in PANELS for target in panel["targets"]]
GROUPS = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text(encoding="utf-8"))["groups"]
ALERTS = [rule for group in GROUPS for rule in group["rules"]]
PROMETHEUS = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))

OF_PROMETHEUS = {"up"}  # and of every target
OF_THE_TARGET = {"job", "instance"}
PARTS = ("_bucket", "_sum", "_count")  # of a histogram: they count
WIDTH = 24  # columns of a dashboard
PANEL = {"id", "type", "title", "description", "datasource", "fieldConfig", "options", "targets", "gridPos"}
WATCHED = {
    "RoomscribeSpeechWithoutWords", "RoomscribeCaptionsLate", "RoomscribeMemoryGrowing", "RoomscribeOpenFilesGrowing",
    "RoomscribeEngineRestarting", "RoomscribeShedding", "RoomscribeSignalingLost", "RoomscribeRoomsFailing",
    "RoomscribeNotReady", "RoomscribeQueueDropping",
}  # fmt: skip


def expressions():
    annotations = [each["expr"] for each in DASHBOARD["annotations"]["list"]]
    return [target["expr"] for _, target in QUERIES] + annotations + [alert["expr"] for alert in ALERTS]


@pytest.mark.parametrize("text", expressions())
def test_a_query_asks_for_series_that_there_are(text):
    expression = parse(text)
    known = {name: each for name, each in series().items() if name.startswith("roomscribe_")}

    assert expression.selectors
    for selector in expression.selectors:
        assert selector.name in {*known, *OF_PROMETHEUS}


@pytest.mark.parametrize("text", expressions())
def test_a_query_asks_for_labels_and_values_that_there_are(text):
    expression = parse(text)
    labels = set(OF_THE_TARGET)
    for selector in expression.selectors:
        if selector.name in OF_PROMETHEUS:
            continue
        values = series()[selector.name].labels
        labels |= values.keys()
        for label, operator, wanted in selector.matchers:
            if label in OF_THE_TARGET:
                continue
            assert label in values
            if label not in HTTP_LABELS:
                alternatives = wanted.split("|") if operator in ("=~", "!~") else [wanted]
                assert set(alternatives) <= values[label]
    assert expression.groups <= labels


@pytest.mark.parametrize("text", expressions())
def test_a_query_takes_the_rate_of_what_counts_and_the_value_of_what_is(text):
    for selector in parse(text).selectors:
        assert bool(selector.over) == (selector.within in OVER_TIME)
        counts = selector.name.endswith(("_total", *PARTS))
        if selector.within in OVER_TIME:
            assert counts == (selector.within in ("rate", "increase"))
        else:
            assert not counts


@pytest.mark.parametrize("text", expressions())
def test_a_query_looks_over_fixed_times_or_over_enough_scrapes_for_a_rate(text):
    """One step of the screen may be shorter than the time between two scrapes; then there is nothing to compare."""
    assert "$__interval" not in text


@pytest.mark.parametrize("text", [each for each in expressions() if "histogram_quantile" in each])
def test_a_quantile_is_taken_of_buckets_with_their_bounds(text):
    expression = parse(text)
    assert "le" in expression.groups
    assert all(selector.name.endswith("_bucket") for selector in expression.selectors)


@pytest.mark.parametrize(
    "text",
    ["rate(a[5m)", "sum by (a b", "speed(a)", "a{b=c}", "a{b}", "(a", "a)", "a[5m", "a ? b", "{b='c'}"],
)
def test_what_is_no_query_is_noticed(text):
    with pytest.raises(NotPromql):
        parse(text)


# The dashboard


def test_the_dashboard_names_itself_and_where_its_figures_come_from():
    assert (DASHBOARD["uid"], DASHBOARD["title"], DASHBOARD["schemaVersion"]) == ("roomscribe", "roomscribe", 41)
    variables = {each["name"]: each for each in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["instance"]["definition"] == "label_values(roomscribe_build_info, instance)"
    for panel in PANELS:
        assert panel["datasource"]["uid"] == "${datasource}"
        assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])


def test_every_part_of_the_dashboard_has_an_id_and_a_title_of_its_own():
    for key in ("id", "title"):
        values = [panel[key] for panel in DASHBOARD["panels"]]
        assert len(set(values)) == len(values)


def test_no_two_parts_of_the_dashboard_overlap():
    boxes = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    assert all(box["x"] >= 0 and box["x"] + box["w"] <= WIDTH for box in boxes)
    for one, other in itertools.combinations(boxes, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_says_what_it_shows_and_in_which_unit(panel):
    assert panel.keys() == PANEL
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert [target["refId"] for target in panel["targets"]] == list("ABCDE"[: len(panel["targets"])])


@pytest.mark.parametrize(("title", "target"), QUERIES, ids=lambda each: each if isinstance(each, str) else "")
def test_a_legend_names_labels_that_its_query_leaves(title, target):
    expression = parse(target["expr"])
    grouped = expression.groups - {"le"}
    left = grouped or {label for each in expression.selectors for label in series()[each.name].labels}
    assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= left
    assert all(("instance", "=~", "$instance") in selector.matchers for selector in expression.selectors)


# The alerts


def test_what_must_be_watched_is_watched():
    names = [alert["alert"] for alert in ALERTS]
    assert set(names) >= WATCHED
    assert len(set(names)) == len(names)


def test_groups_of_rules_have_a_name_and_rules():
    assert all(group.keys() == {"name", "rules"} and group["rules"] for group in GROUPS)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_says_how_bad_it_is_and_what_to_do(alert):
    assert alert.keys() == {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"Roomscribe[A-Z][A-Za-z]+", alert["alert"])
    assert re.fullmatch(r"[1-9]\d*[smh]", alert["for"])
    assert alert["labels"] in ({"severity": "critical"}, {"severity": "warning"})
    assert alert["annotations"].keys() == {"summary", "description"}
    summary, description = alert["annotations"]["summary"], alert["annotations"]["description"]
    assert not summary.endswith(".")
    assert description.endswith(".")
    assert "instance" in description


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_speaks_only_of_what_exists(alert):
    description = alert["annotations"]["description"]
    expression = parse(alert["expr"])
    labels = {label for each in expression.selectors if each.name in series() for label in series()[each.name].labels}
    assert set(re.findall(r"\$labels\.(\w+)", description)) <= labels | OF_THE_TARGET
    assert set(re.findall(r"\bROOMSCRIBE_\w+", description)) <= {setting.own for setting in TABLE}
    assert set(re.findall(r"\broomscribe_\w+", description)) <= series().keys()


# Prometheus itself


def test_prometheus_asks_us_with_our_secret_and_knows_the_alerts():
    [job] = PROMETHEUS["scrape_configs"]
    assert job["job_name"] == "roomscribe"
    [port] = [setting.default for setting in TABLE if setting.own == "ROOMSCRIBE_HTTP_PORT"]
    assert job["static_configs"] == [{"targets": [f"roomscribe:{port}"]}]
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    prometheus = compose["services"]["prometheus"]
    [secret] = prometheus["secrets"]
    assert job["authorization"] == {"type": "Bearer", "credentials_file": f"/run/secrets/{secret['target']}"}
    for file in ("prometheus.yml", *PROMETHEUS["rule_files"]):
        assert f"./deploy/prometheus/{file}:/etc/prometheus/{file}:ro" in prometheus["volumes"]
        assert (ROOT / "deploy" / "prometheus" / file).is_file()
