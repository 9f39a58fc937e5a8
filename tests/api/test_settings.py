"""Settings come from the environment, once; every problem is named with its setting."""

from __future__ import annotations

import psutil
import pytest

from api.settings import PREFIX, SettingsError, load, memory_there_is, misspelt
from bot import AdmissionSettings, LocalAddresses
from pipeline.remote_policy import RemoteSettings

GOOD = {
    "ROOMSCRIBE_HPB_URL": "https://cloud.example.org/hpb",
    "ROOMSCRIBE_HPB_SECRET": "s3cret",
    "ROOMSCRIBE_NEXTCLOUD_URL": "https://cloud.example.org",
}

MACHINE = psutil.virtual_memory().total


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


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, MACHINE),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "512000000\n"}, 512_000_000),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, MACHINE),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": str(2**62)}, MACHINE),
        ({"proc/self/cgroup": "0::/\n"}, MACHINE),
        (  # a service with a limit, in a slice with a lower one
            {
                "proc/self/cgroup": "0::/talk.slice/roomscribe.service\n",
                "sys/fs/cgroup/talk.slice/memory.max": "300000000\n",
                "sys/fs/cgroup/talk.slice/roomscribe.service/memory.max": "400000000\n",
            },
            300_000_000,
        ),
        (  # a container that is told its path on the host, but has its own group at the root
            {"proc/self/cgroup": "0::/docker/abc\n", "sys/fs/cgroup/memory.max": "512000000\n"},
            512_000_000,
        ),
        (
            {
                "proc/self/cgroup": "5:cpu,cpuacct:/box\n4:memory:/box\n0::/\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
                "sys/fs/cgroup/memory/box/memory.limit_in_bytes": "256000000\n",
                "sys/fs/cgroup/cpu,cpuacct/box/memory.limit_in_bytes": "1\n",
            },
            256_000_000,
        ),
        ({"proc/self/cgroup": "0::/../../up\n", "sys/fs/cgroup/memory.max": "512000000\n"}, 512_000_000),
    ],
    ids=["none", "v2", "unlimited", "more than there is", "no file", "a slice", "a container", "v1", "above the root"],
)
def test_memory_is_what_the_machine_has_or_the_least_that_a_control_group_is_given(tmp_path, files, expected):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    assert memory_there_is(tmp_path) == expected


def test_every_missing_setting_is_listed_at_once():
    problems = problems_of({})

    assert [problem.split()[0] for problem in problems] == list(GOOD)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("HPB_URL", "not a url", "expected a URL"),
        ("NEXTCLOUD_URL", "cloud.example.org", "expected a URL"),
        ("HTTP_PORT", "eighty", "expected a number from 0 to 65535"),
        ("HTTP_PORT", "70000", "expected a number from 0 to 65535"),
        ("ICE_ADDRESSES", "eth0", "neither an IP address nor `auto`"),
        ("HANGOVER_S", "0", "from 0.2 to 5"),
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
        ("NEXTCLOUD_URL", "https://cloud:99999", "such as https://cloud.example.org, with"),
        ("ASR_URL", "http://box:8000/v1?key=s3cret", "expected a URL without user, password"),
        ("ASR_API_KEY", "two words", "a key of printable ASCII characters"),
        ("ASR_API_KEY", "schlüssel", "a key of printable ASCII characters"),
        ("ASR_PARALLEL", "0", "from 1 to 256"),
        ("ASR_TIMEOUT", "0.5", "from 1 to 60"),
        ("ASR_FALLBACK", "yes", "one of on, off"),
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


@pytest.mark.parametrize("host", ["localhost", "LocalHost", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_needs_no_shared_secret(host):
    assert load({**GOOD, "ROOMSCRIBE_HTTP_HOST": host}).http.secret == ""


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "127.evil.example", "localhost.evil.example"])
def test_listening_elsewhere_than_on_loopback_requires_a_shared_secret(host):
    (problem,) = problems_of({**GOOD, "ROOMSCRIBE_HTTP_HOST": host})

    assert "ROOMSCRIBE_HTTP_SECRET is required" in problem
    assert load({**GOOD, "ROOMSCRIBE_HTTP_HOST": host, "ROOMSCRIBE_HTTP_SECRET": "x"}).http.host == host


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

    assert load({**GOOD, **ours, "HF_HOME": "cache"}).engine.environment == {"HF_HOME": "cache"}


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("MODLE", "MODEL"),
        ("LANGUAGE", "LANGUAGES"),
        ("PORT", "HTTP_PORT"),
        ("HPB_SECERT", "HPB_SECRET"),
        ("HPB_SECRETFILE", "HPB_SECRET_FILE"),
        ("MODEL_FILE", "MODEL"),  # only a secret may lie in a file
        ("log_level", None),
        ("XYZZY", None),
        ("", None),
    ],
)
def test_a_name_like_ours_that_is_no_setting_is_told_with_the_nearest_that_is_one(wrong, meant):
    (told,) = misspelt({**GOOD, PREFIX + wrong: "hush"})

    assert told.startswith(f"{PREFIX}{wrong} is no setting")
    assert told.endswith(f"did you mean {PREFIX}{meant}?" if meant else "the README lists them all")
    assert "hush" not in told


def test_nothing_is_told_about_settings_secrets_in_files_and_names_of_others():
    assert not misspelt({**GOOD, "ROOMSCRIBE_ASR_API_KEY_FILE": "key", "HTTP_PROXY": "", "ROOMSCRIBER_MODEL": ""})


def test_local_addresses_are_a_list_of_addresses_and_the_word_auto():
    settings = load({**GOOD, "ROOMSCRIBE_ICE_ADDRESSES": "10.0.0.1, auto,::1"})

    assert settings.rooms.addresses == LocalAddresses(("10.0.0.1", "::1"), auto=True)
