"""Settings come from the environment, once; every problem is named with its setting."""

from __future__ import annotations

import pytest

from api.settings.load import PREFIX, HttpSettings, SettingsError, is_loopback, load, load_secrets, memory_there_is
from bot import AdmissionSettings, LocalAddresses, RoomSettings
from pipeline.remote_policy import RemoteSettings

GOOD = {
    "ROOMSCRIBE_HPB_URL": "https://cloud.example.org/hpb",
    "ROOMSCRIBE_HPB_SECRET": "s3cret",
    "ROOMSCRIBE_NEXTCLOUD_URL": "https://cloud.example.org",
}

OLD, NEW = "the old secret of all callers".replace(" ", "-"), "the new secret of all callers".replace(" ", "-")


def problems_of(environment):
    with pytest.raises(SettingsError) as raised:
        load(environment)
    return raised.value.problems


def test_three_settings_suffice_and_the_rest_has_defaults():
    settings = load(GOOD)

    assert settings.rooms.signaling.url == "wss://cloud.example.org/hpb/spreed"
    assert settings.rooms.signaling.credentials.backend == "https://cloud.example.org"
    assert (settings.http.host, settings.http.port) == ("127.0.0.1", 23000)
    assert settings.engine.model.model == "tiny.en"
    assert settings.rooms.addresses == LocalAddresses(auto=True)


def test_what_a_process_takes_on_is_bounded_and_the_bounds_can_be_set():
    bounds = {"MAX_ROOMS": "3", "MAX_TOTAL_SPEAKERS": "4", "MEMORY_LIMIT_MB": "5"}

    admission = load(GOOD).rooms.admission
    said = load({**GOOD, **{PREFIX + name: value for name, value in bounds.items()}}).rooms.admission

    assert (admission.max_rooms, admission.max_total_speakers) == (100, 500)
    assert admission.memory_limit_mb == int(memory_there_is() * 0.8) // 1_000_000
    assert said == AdmissionSettings(max_rooms=3, max_total_speakers=4, memory_limit_mb=5)


def test_every_missing_setting_is_listed_at_once():
    problems = problems_of({})

    assert [problem.split()[0] for problem in problems] == list(GOOD)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("HPB_URL", "not a url", "expected a URL"),
        ("NEXTCLOUD_URL", "cloud.example.org", "expected a URL"),
        ("HTTP_PORT", "eighty", "expected a whole number from 0 to 65535, got 'eighty'"),
        ("HTTP_PORT", "70000", "expected a whole number from 0 to 65535, got '70000'"),
        ("ICE_ADDRESSES", "eth0", "IP addresses and the word auto"),
        ("HANGOVER_S", "0", "from 0.2 to 5 (seconds)"),
        ("DEVICE", "tpu", "one of cpu, cuda, auto"),
        ("MAX_TOTAL_SPEAKERS", "0", "from 1 to 50000"),
        ("MEMORY_LIMIT_MB", "-1", "from 0 to 999999"),
        ("LOG_LEVEL", "loud", "one of DEBUG, INFO, WARNING, ERROR"),
        ("ASR_URL", "box:8000", "expected a URL"),
        ("ASR_URL", "http://box:port", "such as http://box:8000, with a host that can exist and a port from 1 to"),
        ("ASR_URL", "http://box:65536", "a port from 1 to 65535"),
        ("ASR_URL", "http://box:0", "a port from 1 to 65535"),
        ("ASR_URL", "http://....", "a host that can exist"),
        ("ASR_URL", "http://box..lan", "a host that can exist"),
        ("ASR_URL", f"http://{'a' * 70}.lan", "a host that can exist"),
        ("ASR_URL", f"http://{'ö' * 70}", "a host that can exist"),
        ("ASR_URL", "http://bo x:8000", "a host that can exist"),
        ("ASR_URL", "http://bo\tx:8000", "a host that can exist"),
        ("ASR_URL", "http://[::1", "a host that can exist"),
        ("HPB_URL", "https://cloud..lan", "such as https://cloud.example.org/hpb, with a host that can exist"),
        ("HPB_URL", "https://cloud:99999", "a port from 1 to 65535"),
        ("NEXTCLOUD_URL", "https://cloud:99999", "such as https://cloud.example.org, with"),
        ("ASR_URL", "http://box:8000/v1?key=s3cret", "without user, password, ? and #"),
        ("ASR_API_KEY", "two words", "a key of printable ASCII characters"),
        ("ASR_API_KEY", "schlüssel", "a key of printable ASCII characters"),
        ("ASR_PARALLEL", "0", "from 1 to 256"),
        ("ASR_TIMEOUT", "0.5", "from 1 to 60"),
        ("ASR_FALLBACK", "yes", "one of on, off"),
        ("TLS_VERIFY", "no", "one of on, off"),
        ("HTTP_HOST", "unix:relative", "an IP address, a host name, or unix: and the absolute path of a socket"),
        ("HTTP_HOST", "0.0.0.0:80", "an IP address, a host name"),
        ("DEFAULT_LANGUAGE", "tlh", "a Whisper language code such as de"),
        ("RATE_LIMIT", "0", "from 1 to 10000 (requests a second)"),
        ("MAX_CONNECTIONS", "7", "from 8 to 20000 (connections)"),
        ("DRAIN_TIMEOUT_S", "61", "from 0 to 60 (seconds)"),
        ("LOG_FORMAT", "xml", "one of auto, console, json"),
    ],
)
def test_a_wrong_value_is_named_with_its_setting_and_what_was_expected(name, value, expected):
    (problem,) = problems_of({**GOOD, PREFIX + name: value})

    assert problem.startswith(PREFIX + name)
    assert expected in problem


def test_a_secret_may_lie_in_a_file(tmp_path):
    file = tmp_path / "secret"
    file.write_text("from a file\n")
    environment = {name: value for name, value in GOOD.items() if name != "ROOMSCRIBE_HPB_SECRET"}

    settings = load({**environment, "ROOMSCRIBE_HPB_SECRET_FILE": str(file)})

    assert settings.rooms.signaling.credentials.secret == "from a file"


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path):
    (problem,) = problems_of({**GOOD, "ROOMSCRIBE_HPB_SECRET_FILE": str(tmp_path / "nowhere")})

    assert "ROOMSCRIBE_HPB_SECRET_FILE" in problem
    assert "cannot be read" in problem


def test_a_secret_file_that_is_no_text_is_named_with_what_to_do(tmp_path):
    file = tmp_path / "secret"
    file.write_bytes(b"\xff\xfe\x00hunter2")

    (problem,) = problems_of({**GOOD, "ROOMSCRIBE_HPB_SECRET_FILE": str(file)})

    assert f"the file {file} of ROOMSCRIBE_HPB_SECRET_FILE is not text: write the secret into it" in problem
    assert "codec" not in problem
    assert "hunter2" not in problem


def test_no_secret_is_shown_in_a_repr():
    settings = load({**GOOD, "ROOMSCRIBE_HTTP_SECRET": "hunter2"})

    assert "s3cret" not in repr(settings)
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize("host", ["localhost", "LocalHost", "127.0.0.1", "127.9.9.9", "::1", "unix:/run/roomscribe"])
def test_loopback_needs_no_shared_secret(host):
    assert is_loopback(host)
    assert load({**GOOD, "ROOMSCRIBE_HTTP_HOST": host}).http.secrets == ()
    assert load({**GOOD, "ROOMSCRIBE_HTTP_HOST": host, "ROOMSCRIBE_HTTP_SECRET": "x"}).http.secrets == ("x",)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "127.evil.example", "localhost.evil.example"])
def test_listening_elsewhere_than_on_loopback_requires_a_shared_secret_or_that_of_app_api(host):
    beyond = {**GOOD, "ROOMSCRIBE_HTTP_HOST": host}

    (problem,) = problems_of(beyond)

    assert problem.startswith(f"ROOMSCRIBE_HTTP_SECRET is required because ROOMSCRIBE_HTTP_HOST={host} is not")
    assert load({**beyond, "ROOMSCRIBE_HTTP_SECRET": OLD}).http.host == host
    assert load({**beyond, "ROOMSCRIBE_APP_SECRET": "x" * 16}).http.host == host
    with pytest.raises(SettingsError, match="ROOMSCRIBE_APP_SECRET: expected 16 characters or more"):
        load({**beyond, "ROOMSCRIBE_APP_SECRET": "x" * 15})


def test_a_secret_that_strangers_could_guess_is_refused_beyond_loopback_and_not_shown():
    beyond = {**GOOD, "ROOMSCRIBE_HTTP_HOST": "0.0.0.0", "ROOMSCRIBE_HTTP_SECRET": f"{OLD} hunter2"}

    (problem,) = problems_of(beyond)

    assert problem.startswith("ROOMSCRIBE_HTTP_SECRET: expected 16 characters or more in each secret")
    assert "hunter2" not in problem
    assert OLD not in problem


def test_several_secrets_of_callers_count_at_once_so_that_they_can_be_rotated(tmp_path):
    file = tmp_path / "secrets"
    file.write_text(f"{OLD}\n{NEW}\n\n{OLD}\n")

    assert load({**GOOD, "ROOMSCRIBE_HTTP_SECRET": f" {OLD}\t{NEW} "}).http.secrets == (OLD, NEW)
    assert load({**GOOD, "ROOMSCRIBE_HTTP_SECRET_FILE": str(file)}).http.secrets == (OLD, NEW)


def test_secrets_of_callers_are_read_anew_whatever_has_become_of_other_settings(tmp_path):
    file = tmp_path / "secrets"
    environment = {"ROOMSCRIBE_HTTP_HOST": "0.0.0.0", "ROOMSCRIBE_HTTP_SECRET_FILE": str(file)}
    file.write_text(OLD)
    assert load_secrets(environment) == (OLD,)

    file.write_text(f"{OLD} {NEW}")
    assert load_secrets(environment) == (OLD, NEW)

    file.write_text("")
    with pytest.raises(SettingsError, match="is empty: write the secret into it"):
        load_secrets(environment)
    file.unlink()
    with pytest.raises(SettingsError, match="cannot be read"):
        load_secrets(environment)


def test_what_a_caller_may_do_and_how_it_is_logged_can_be_set():
    said = {"DEFAULT_LANGUAGE": "pt_BR", "RATE_LIMIT": "2.5", "MAX_CONNECTIONS": "9", "LOG_FORMAT": "JSON"}

    usual = load(GOOD)
    other = load({**GOOD, **{PREFIX + name: value for name, value in said.items()}})

    assert (usual.http, usual.log_format) == (HttpSettings(), "auto")
    assert other.http == HttpSettings(default_language="pt_BR", rate_limit=2.5, max_connections=9)
    assert other.log_format == "json"


def test_certificates_are_checked_unless_that_is_switched_off():
    assert load(GOOD).rooms.verify_tls
    assert not load({**GOOD, "ROOMSCRIBE_TLS_VERIFY": "off"}).rooms.verify_tls


def test_defaults_of_the_code_and_of_the_table_are_the_same():
    rooms = load(GOOD).rooms
    bare = RoomSettings(signaling=rooms.signaling)

    assert (rooms.drain_timeout_s, rooms.leave_after_s) == (bare.drain_timeout_s, bare.leave_after_s) == (10.0, 60.0)
    assert (rooms.max_speakers, rooms.verify_tls) == (bare.max_speakers, bare.verify_tls)


def test_what_is_fixed_cannot_be_set_from_outside_under_any_name():
    fixed = {"ROOMSCRIBE_HPB_URL": "ws://127.0.0.1:9", "ROOMSCRIBE_HPB_SECRET": "ours"}
    outside = {
        "ROOMSCRIBE_HPB_URL": "https://cloud.example.org",
        "LT_HPB_URL": "https://cloud.example.org",
        "ROOMSCRIBE_HPB_SECRET_FILE": "/nowhere",
        "LT_INTERNAL_SECRET_FILE": "/nowhere",
        "ROOMSCRIBE_NEXTCLOUD_URL": "https://cloud.example.org",
    }

    signaling = load(outside, fixed=fixed).rooms.signaling

    assert signaling.url == "ws://127.0.0.1:9/spreed"
    assert signaling.credentials.secret == "ours"


def test_what_is_set_counts_before_a_default_that_a_command_brings():
    brought = {"ROOMSCRIBE_LOG_LEVEL": "WARNING", "ROOMSCRIBE_WORKERS": "2"}

    settings = load({**GOOD, "LT_MAX_WORKERS": "3"}, defaults=brought)

    assert (settings.log_level, settings.engine.model.workers) == ("WARNING", 3)


def test_speech_is_decoded_on_this_machine_unless_a_recognition_server_is_named():
    assert load(GOOD).engine.remote is None
    assert load({**GOOD, "ROOMSCRIBE_ASR_API_KEY": "sk-1", "ROOMSCRIBE_ASR_FALLBACK": "on"}).engine.remote is None


def test_a_recognition_server_has_an_address_and_as_much_else_as_is_said(tmp_path):
    named = {**GOOD, "ROOMSCRIBE_ASR_URL": "http://box:8000"}
    (tmp_path / "key").write_text("sk-hunter2\n")
    said = {
        "ROOMSCRIBE_ASR_API_KEY_FILE": str(tmp_path / "key"),
        "ROOMSCRIBE_ASR_MODEL": "large-v3",
        "ROOMSCRIBE_ASR_PARALLEL": "16",
        "ROOMSCRIBE_ASR_TIMEOUT": "7.5",
        "ROOMSCRIBE_ASR_FALLBACK": "on",
    }

    assert load(named).engine.remote == RemoteSettings(url="http://box:8000")
    settings = load({**named, **said})
    assert settings.engine.remote == RemoteSettings(
        url="http://box:8000", api_key="sk-hunter2", model="large-v3", slots=16, timeout_s=7.5, fallback=True
    )
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    "url",
    [
        "http://box",
        "http://box:8000/v1",
        "https://asr.example.org.",
        "http://192.0.2.7:80",
        "http://[2001:db8::7]:80/v1",
        "http://my_box-2:65535",
        "http://größe.example",
    ],
)
def test_a_recognition_server_may_be_anywhere(url):
    assert load({**GOOD, "ROOMSCRIBE_ASR_URL": url}).engine.remote.url == url


@pytest.mark.parametrize("name", ["HPB_URL", "NEXTCLOUD_URL"])
@pytest.mark.parametrize(
    "url",
    [
        "ada:hunter2@cloud",
        "https://ada:hunter2@",
        "https:/ada:hunter2@cloud",
        "https://ada:hunter2@cloud:port",
        "https://ada:hunt/er2@x@cloud:port",
        "ftp://hunter2@cloud",
        "ada\nhunter2@cloud",
    ],
)
def test_what_is_wrong_with_an_address_is_said_without_the_user_and_the_password_in_it(name, url):
    (problem,) = problems_of({**GOOD, PREFIX + name: url})

    assert problem.startswith(PREFIX + name)
    assert "…@" in problem
    assert not [each for each in ("ada", "hunt", "er2") if each in problem]


@pytest.mark.parametrize("url", ["http://ada:s3cret@box:8000", "https:/ada:s3cret@box", "http://box?key=s3cret"])
def test_what_is_wrong_with_a_servers_address_is_said_without_the_password_in_it(url):
    (problem,) = problems_of({**GOOD, "ROOMSCRIBE_ASR_URL": url})

    assert "ROOMSCRIBE_ASR_API_KEY" in problem
    assert "s3cret" not in problem


def test_children_inherit_everything_but_our_settings(tmp_path):
    (tmp_path / "key").write_text("sk-1")
    secrets = {"ASR_API_KEY_FILE": str(tmp_path / "key"), "APP_SECRET": "hunter2", "APP_SECERT": "misspelt"}
    ours = {PREFIX + name: value for name, value in secrets.items()}
    theirs = {
        "LT_INTERNAL_SECRET": "hunter2",
        "APP_SECRET": "hunter2",
        "APP_SECRET_FILE": "",
        "HP_SHARED_KEY": "hunter2",
    }

    assert load({**GOOD, **ours, **theirs, "HF_HOME": "cache"}).engine.environment == {"HF_HOME": "cache"}


def test_local_addresses_are_a_list_of_addresses_and_the_word_auto():
    settings = load({**GOOD, "ROOMSCRIBE_ICE_ADDRESSES": "10.0.0.1, auto,::1"})

    assert settings.rooms.addresses == LocalAddresses(("10.0.0.1", "::1"), auto=True)


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_an_empty_file_is_no_secret_and_no_wish_for_none(tmp_path, text):
    (tmp_path / "empty").write_text(text)

    with pytest.raises(SettingsError, match=r"ROOMSCRIBE_HTTP_SECRET_FILE.* is empty"):
        load({**GOOD, "ROOMSCRIBE_HTTP_SECRET_FILE": str(tmp_path / "empty")})


@pytest.mark.parametrize("end", ["", "/", "/index.php", "/index.php/"])
def test_the_chat_server_is_known_by_its_base_url(end):
    settings = load({**GOOD, "ROOMSCRIBE_NEXTCLOUD_URL": f"https://cloud.example.org{end}"})

    assert settings.rooms.chat_server.url == "https://cloud.example.org"
    assert settings.rooms.signaling.credentials.backend == "https://cloud.example.org"
