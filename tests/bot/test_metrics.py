"""What is counted, and that callers cannot make it grow."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.metrics import FINAL, HTTP_LABELS, INTERIM, MAX_ROUTES, METHODS, OTHER, TURN_S, Metrics


def value(metrics, name, **labels):
    return metrics.registry.get_sample_value(f"roomscribe_{name}", labels)


def children(metrics, name):
    """The values of the labels that a metric has, each once."""
    return {
        tuple(sample.labels.get(label, "") for label in HTTP_LABELS)
        for metric in metrics.registry.collect()
        for sample in metric.samples
        if sample.name.startswith(f"roomscribe_{name}")
    }


@pytest.fixture
def metrics():
    return Metrics()


def test_requests_are_counted_by_route_method_and_status(metrics):
    metrics.http_request("/rooms/{token}", "GET", 200, 0.02)
    metrics.http_request("/rooms/{token}", "GET", 200, 0.2)
    metrics.http_request("/rooms/{token}", "GET", 503, 0.2)

    of = {"route": "/rooms/{token}", "method": "GET"}
    assert value(metrics, "http_requests_total", **of, status="200") == 2
    assert value(metrics, "http_requests_total", **of, status="503") == 1
    assert value(metrics, "http_request_seconds_bucket", route=of["route"], le="0.025") == 1
    assert value(metrics, "http_request_seconds_count", route=of["route"]) == 3


def test_errors_of_ours_are_shown_before_there_are_any(metrics):
    metrics.http_request("/", "GET", 200, 0.0)
    assert value(metrics, "http_requests_total", route="/", method="GET", status="500") == 0


def test_what_callers_make_up_is_counted_as_other(metrics):
    metrics.http_request("/", "BREW", 1000, 0.0)
    metrics.http_refused("dislike")
    assert value(metrics, "http_requests_total", route="/", method=OTHER, status=OTHER) == 1
    assert value(metrics, "http_refused_total", reason=OTHER) == 1


def test_beyond_the_bound_routes_are_counted_together(metrics):
    for number in range(MAX_ROUTES + 3):
        metrics.http_request(f"/{number}", "GET", 200, 0.0)
    assert value(metrics, "http_requests_total", route=OTHER, method="GET", status="200") == 3
    assert len(children(metrics, "http_request_seconds")) == MAX_ROUTES + 1


@given(asked=st.lists(st.tuples(st.text(), st.integers(), st.floats(allow_nan=False)), max_size=30))
def test_whatever_is_asked_for_the_number_of_series_is_bounded(asked):
    metrics = Metrics()
    for method, status, seconds in asked:
        metrics.http_request("/", method, status, seconds)
    methods = {method for _, method, _ in children(metrics, "http_requests")}
    assert methods <= {*METHODS, OTHER}
    assert (value(metrics, "http_request_seconds_count", route="/") or 0) == len(asked)


def test_a_final_that_waited_for_its_reader_says_nothing_of_our_latency(metrics):
    metrics.caption(FINAL, latency_s=1.5)
    metrics.caption(FINAL, latency_s=100.0, waited=True)
    metrics.caption(INTERIM, latency_s=-0.1)

    assert value(metrics, "captions_total", kind="final") == 2
    assert value(metrics, "caption_latency_seconds_count", kind="final") == 1
    assert value(metrics, "caption_latency_seconds_sum", kind=INTERIM) == 0


def test_states_and_ways_of_connections_are_counted(metrics):
    metrics.peer_state("connected")
    metrics.peer_state("confused")
    metrics.ice_selected("relay")
    metrics.ice_selected("")

    assert value(metrics, "peer_state_total", state="connected") == 1
    assert value(metrics, "peer_state_total", state=OTHER) == 1
    assert value(metrics, "ice_selected_total", type="relay") == 1
    assert value(metrics, "ice_selected_total", type=OTHER) == 1


def test_what_has_a_fixed_set_of_labels_is_shown_at_0_from_the_start(metrics):
    names = {metric.name for metric in metrics.registry.collect() if not metric.samples}
    assert names == {"roomscribe_http_requests", "roomscribe_http_request_seconds"}


def test_a_watched_figure_is_read_at_each_scrape_and_from_whom_came_last(metrics):
    depths = iter((3, 4))
    metrics.watch("roomscribe_depth", "Depth", lambda: next(depths))
    assert [value(metrics, "depth"), value(metrics, "depth")] == [3, 4]

    metrics.watch("roomscribe_depth", "Depth", lambda: 7)
    assert value(metrics, "depth") == 7


async def test_a_scrape_lets_others_have_their_turn(metrics):
    clock = asyncio.get_running_loop().time

    def slow():
        began = clock()
        while clock() - began < TURN_S:
            pass
        return 1.0

    for number in range(5):
        metrics.watch(f"roomscribe_slow_{number}", "Slow", slow)
    turns = 0
    async with asyncio.TaskGroup() as tasks:
        scrape = tasks.create_task(metrics.render())
        while not scrape.done():
            turns += 1
            await asyncio.sleep(0)
    assert turns >= 5
    assert scrape.result().count(b"\nroomscribe_slow_") == 5
