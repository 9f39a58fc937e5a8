import pytest

from signaling.embedded.backend import canonical, serves


@pytest.mark.parametrize(
    ("ours", "named"),
    [
        ("https://cloud.example", "https://cloud.example/"),
        ("https://cloud.example/", "https://Cloud.Example:443"),
        ("https://cloud.example", "https://cloud.example/ocs/v2.php/apps/spreed/api/v3/signaling/backend"),
        ("https://cloud.example/nc", "https://cloud.example/nc/ocs"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/x"),
        ("http://[::1]:80", "http://[::1]/"),
    ],
)
def test_equal_scheme_and_host_and_a_longer_path_are_ours(ours, named):
    assert serves(ours, named)


@pytest.mark.parametrize(
    ("ours", "named"),
    [
        ("https://cloud.example", "http://cloud.example/"),
        ("http://cloud.example", "https://cloud.example/"),
        ("https://cloud.example", "https://cloud.example:8443/"),
        ("https://cloud.example", "https://cloud.example.evil/"),
        ("https://cloud.example/nc", "https://cloud.example/ncx"),
        ("https://cloud.example/nc", "https://cloud.example/"),
    ],
)
def test_any_other_is_not(ours, named):
    assert not serves(ours, named)


@pytest.mark.parametrize(
    "url", ["", "cloud.example", "ftp://cloud.example", "https://", "https://u@h/", "https://h:port/", "http://[x/"]
)
def test_what_cannot_be_a_backend_is_a_value_error(url):
    with pytest.raises(ValueError):
        canonical(url)
