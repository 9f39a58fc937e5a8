import json

from hypothesis import given
from hypothesis import strategies as st

from signaling.embedded.requests import Bye, Invalid, Join, Leave, Request, Unknown, parse

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3),
)


@given(text=st.text())
def test_any_text_is_a_request(text):
    assert isinstance(parse(text), Request)


@given(kind=st.sampled_from(["hello", "room", "message", "control", "internal", "bye", "?"]), body=json_values)
def test_any_json_is_a_request(kind, body):
    request = parse(json.dumps({"id": "i", "type": kind, kind: body}))
    assert request.id == "i" or isinstance(request.body, Invalid)


def test_a_room_without_a_name_is_left():
    assert parse('{"type": "room", "room": {"roomid": ""}}').body == Leave()
    assert parse('{"type": "room", "room": {}}').body == Leave()


def test_null_counts_as_missing():
    text = '{"id": null, "type": "room", "room": {"roomid": "r", "sessionid": null}}'
    assert parse(text) == Request("", Join(roomid="r", nextcloud_session_id=""))


def test_a_bye_needs_no_body():
    assert parse('{"type": "bye"}').body == Bye()


def test_an_unknown_type_is_unknown_and_not_an_error():
    assert parse('{"type": "transient", "transient": {}}').body == Unknown()


def hello(features):
    auth = {"params": {"ticket": "t"}}
    return parse(json.dumps({"type": "hello", "hello": {"version": "1.0", "features": features, "auth": auth}}))


def test_features_are_a_short_list_of_names():
    assert hello(["a", "b"]).body.features == ("a", "b")
    assert hello(None).body.features == ()
    for bad in ("a", [1], ["x" * 513], ["x"] * 65):
        assert hello(bad).body.error.code == "invalid_format"
