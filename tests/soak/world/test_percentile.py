from __future__ import annotations

from soak.world.percentile import percentile


def test_the_median_of_an_even_number_of_values_lies_between_two_of_them():
    assert percentile([4.0, 1.0, 3.0, 2.0], 50) == 2.5


def test_of_nothing_there_is_no_percentile():
    assert percentile([], 95) is None
