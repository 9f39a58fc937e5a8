import pytest

from tests.signaling.embedded.house import (
    BACKEND,
    House,
    code,
    internal_hello,
    ticket_hello,
    token,
)


def test_the_server_speaks_first_and_says_what_it_can(house):
    [welcome] = house.connect().hear()
    assert welcome["type"] == "welcome"
    assert {"welcome", "hello-v2", "incall-all"} <= set(welcome["welcome"]["features"])
    assert "mcu" not in welcome["welcome"]["features"]
    assert welcome["welcome"]["version"]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_an_internal_client_proves_the_secret_and_gets_a_session(house, version):
    [answer] = house.connect().say(internal_hello(version=version))
    assert answer["id"] == "1"
    hello = answer["hello"]
    assert hello["version"] == version
    assert hello["userid"] == ""
    assert hello["sessionid"]
    assert hello["resumeid"] != hello["sessionid"]
    assert hello["server"]["features"]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_ticket_of_this_server_lets_an_ordinary_client_in(house, version):
    [answer] = house.connect().say(ticket_hello(house.ticket("alice"), version=version))
    assert answer["hello"]["userid"] == "alice"


@pytest.mark.parametrize("auth", [{"type": "client"}, {"url": f"{BACKEND}/ocs/v2.php/apps/spreed/api/v3/signaling"}])
def test_a_ticket_hello_may_name_its_type_and_backend(house, auth):
    assert house.connect().say(ticket_hello(house.ticket("alice"), **auth))[0]["type"] == "hello"


@pytest.mark.parametrize(
    ("hello", "expected"),
    [
        (internal_hello(version="3.0"), "invalid_hello_version"),
        (internal_hello(secret="guess"), "invalid_token"),
        (internal_hello(random="r" * 31), "invalid_token"),
        (internal_hello(backend="https://evil.example/"), "invalid_backend"),
        (internal_hello(backend="http://cloud.example/nextcloud"), "invalid_backend"),
        (internal_hello(backend=""), "invalid_format"),
        (internal_hello(backend="no url"), "invalid_format"),
        (ticket_hello("forged"), "invalid_ticket"),
        (ticket_hello("forged", version="2.0"), "invalid_token"),
        (ticket_hello(""), "invalid_ticket"),
        (ticket_hello("forged", url="https://evil.example/"), "invalid_backend"),
        (ticket_hello("forged", type="federation"), "invalid_client_type"),
        ({"id": "1", "type": "hello", "hello": {"version": "1.0"}}, "invalid_format"),
        ({"id": "1", "type": "hello"}, "invalid_format"),
        ({"id": "1", "type": "room", "room": {"roomid": "r"}}, "hello_expected"),
        ({"id": "1", "type": "bye"}, "hello_expected"),
        ({"id": "1", "type": "what"}, "hello_expected"),
    ],
)
def test_a_bad_beginning_is_answered_by_its_error_and_may_be_corrected(house, hello, expected):
    client = house.connect()
    client.hear()
    [error] = client.say(hello)
    assert (error["id"], error["error"]["code"]) == ("1", expected)
    assert not client.closed
    client.greet(internal_hello())


def test_the_token_is_compared_as_it_is_spelled(house):
    hello = internal_hello()
    hello["hello"]["auth"]["params"]["token"] = token().upper()
    assert code(house.connect().say(hello)) == "invalid_token"


@pytest.mark.parametrize("odd", ["ä" * 32, "\ud800" * 32])
def test_odd_characters_are_a_wrong_token_and_no_accident(house, odd):
    hello = internal_hello()
    hello["hello"]["auth"]["params"] |= {"random": odd, "token": odd}
    assert code(house.connect().say(hello)) == "invalid_token"


def test_without_an_internal_secret_there_are_no_internal_clients():
    house = House(internal_secret="")
    assert code(house.connect().say(internal_hello(secret=""))) == "invalid_client_type"


def test_an_expired_ticket_is_invalid(house):
    ticket = house.ticket("alice")
    house.now += house.settings.ticket_ttl_s
    assert code(house.connect().say(ticket_hello(ticket))) == "invalid_ticket"


def test_who_says_no_hello_in_time_is_told_so_and_closed(house):
    client = house.connect()
    client.hear()
    house.wait(1.9)
    assert not client.closed
    house.wait(0.1)
    assert client.hear() == [{"type": "bye", "bye": {"reason": "hello_timeout"}}]
    assert client.closed
    assert house.hub.stats().connections == 0


def test_a_failed_hello_earns_the_same_time_again(house):
    client = house.connect()
    house.wait(1.5)
    client.say(internal_hello(secret="guess"))
    house.wait(1.5)
    assert not client.closed
    house.wait(0.5)
    assert client.closed


def test_a_hello_after_the_hello_is_ignored(house):
    assert house.bot().say(internal_hello()) == []


def test_a_good_hello_ends_the_hello_timeout(house):
    bot = house.bot()
    assert house.hub.deadline() is None
    house.wait(1000)
    assert not bot.closed


def test_ten_wrong_secrets_lock_the_address_out_even_with_the_right_one(house):
    for _ in range(10):
        assert code(house.connect().say(internal_hello(secret="guess"))) == "invalid_token"
    assert code(house.connect().say(internal_hello())) == "too_many_requests"
    house.connect(address="192.0.2.2").greet(internal_hello())
    house.now += 1800
    house.connect().greet(internal_hello())


def test_a_full_server_says_so(house):
    house = House(max_sessions=1)
    house.bot()
    assert code(house.connect().say(internal_hello())) == "session_limit_exceeded"
    assert house.hub.stats().sessions == 1


def test_more_connections_than_two_per_session_are_turned_away():
    house = House(max_sessions=1)
    house.connect(), house.connect()
    third = house.connect()
    assert code(third.hear()) == "too_many_connections"
    assert third.closed
