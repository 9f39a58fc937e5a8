"""Where values come from, which of several counts, and what is told about the rest."""

from __future__ import annotations

import pytest

from api.settings.load import load
from api.settings.sources import misspelt, of_others, read, warnings
from api.settings.table import PREFIX, TABLE
from api.settings.values import MAX_FILE_BYTES

GOOD = {
    "ROOMSCRIBE_HPB_URL": "https://cloud.example.org/hpb",
    "ROOMSCRIBE_HPB_SECRET": "s3cret",
    "ROOMSCRIBE_NEXTCLOUD_URL": "https://cloud.example.org",
}
#: What AppAPI and an administrator of Nextcloud's own captions app give to it.
OLD_APP = {
    "APP_ID": "live_transcription",
    "APP_SECRET": "the one of this app",
    "APP_VERSION": "2.1.3",
    "APP_HOST": "0.0.0.0",
    "APP_PORT": "23001",
    "APP_PERSISTENT_STORAGE": "/nc_app_data",
    "AA_VERSION": "32.0.0",
    "NEXTCLOUD_URL": "https://cloud.example.org/index.php",
    "COMPUTE_DEVICE": "CUDA",
    "SKIP_CERT_VERIFY": "true",
    "LT_HPB_URL": "wss://cloud.example.org/standalone-signaling",
    "LT_INTERNAL_SECRET": "internal",
    "LT_MAX_WORKERS": "3",
}


def problem_of(environment, name):
    return read(environment)[name].problem


def test_the_environment_of_nextclouds_own_captions_app_is_all_that_is_needed():
    settings = load(OLD_APP)

    assert settings.rooms.signaling.url == "wss://cloud.example.org/standalone-signaling/spreed"
    assert settings.rooms.signaling.credentials.secret == "internal"
    assert settings.rooms.signaling.credentials.backend == "https://cloud.example.org"
    assert not settings.rooms.verify_tls
    chat = settings.rooms.chat_server
    assert (chat.app_id, chat.app_version, chat.secret) == ("live_transcription", "2.1.3", "the one of this app")
    assert (settings.http.host, settings.http.port, settings.http.secrets) == ("0.0.0.0", 23001, ())
    model = settings.engine.model
    assert (model.cache_dir, model.device, model.workers) == ("/nc_app_data", "cuda", 3)


def test_behind_the_tunnel_of_app_api_it_listens_on_its_socket_whatever_address_is_named():
    assert load({**OLD_APP, "HP_SHARED_KEY": "hunter2"}).http.host == "unix:/tmp/exapp.sock"


@pytest.mark.parametrize("missing", ["APP_ID", "APP_SECRET"])
def test_names_that_others_use_too_count_only_where_app_api_has_started_us(missing):
    environment = {**OLD_APP, **GOOD, "HP_SHARED_KEY": "hunter2"}
    del environment[missing]

    settings = load(environment)

    assert (settings.http.host, settings.http.port) == ("127.0.0.1", 23000)
    assert settings.rooms.verify_tls
    assert settings.rooms.chat_server.secret == ""
    assert (settings.engine.model.device, settings.engine.model.cache_dir) == ("cpu", None)
    assert settings.engine.model.workers == 3  # its name says what it is for


def test_whoever_has_set_a_name_that_does_not_count_is_told_why():
    environment = {"NEXTCLOUD_URL": "https://cloud.example.org"}

    assert problem_of(environment, "NEXTCLOUD_URL").endswith(
        "(NEXTCLOUD_URL is set, but counts only beside APP_ID and APP_SECRET)"
    )


def test_every_secret_may_lie_in_a_file_under_every_name(tmp_path):
    for setting in TABLE:
        for name in (setting.own, *(alias.name for alias in setting.aliases)) if setting.secret else ():
            file = tmp_path / name
            file.write_text(" from-a-file \n")
            environment = {**OLD_APP, f"{name}_FILE": str(file), name: ""}

            (value,) = read(environment, only=(setting.name,)).values()

            assert value.found.text == "from-a-file"
            assert value.found.source == f"the file {file} ({name}_FILE)"


def test_a_file_that_is_too_large_for_a_secret_is_not_read_to_its_end():
    problem = problem_of({"ROOMSCRIBE_HPB_SECRET_FILE": "/dev/zero"}, "HPB_SECRET")

    assert problem == (
        "ROOMSCRIBE_HPB_SECRET: the file /dev/zero of ROOMSCRIBE_HPB_SECRET_FILE is larger than "
        f"{MAX_FILE_BYTES} bytes: it holds no secret"
    )


def test_our_own_name_counts_before_others_and_both_are_told_if_they_differ():
    environment = {**GOOD, "LT_INTERNAL_SECRET": "hunter2", "LT_HPB_URL": "https://cloud.example.org/hpb/"}

    (told,) = warnings(environment)

    assert load(environment).rooms.signaling.credentials.secret == "s3cret"
    assert told == (
        "ROOMSCRIBE_HPB_SECRET and LT_INTERNAL_SECRET are both set, and differ: ROOMSCRIBE_HPB_SECRET counts"
    )


def test_a_file_counts_before_the_name_and_both_are_told_if_they_differ(tmp_path):
    file = tmp_path / "secret"
    environment = {**GOOD, "ROOMSCRIBE_HPB_SECRET_FILE": str(file)}
    file.write_text("s3cret\n")
    assert not warnings(environment)

    file.write_text("another")

    assert load(environment).rooms.signaling.credentials.secret == "another"
    assert warnings(environment) == [
        "ROOMSCRIBE_HPB_SECRET_FILE and ROOMSCRIBE_HPB_SECRET are both set, and differ: "
        "ROOMSCRIBE_HPB_SECRET_FILE counts"
    ]


def test_a_wrong_value_is_told_with_the_name_under_which_it_stands():
    assert problem_of({"LT_MAX_WORKERS": "100"}, "WORKERS") == (
        "LT_MAX_WORKERS (for ROOMSCRIBE_WORKERS): expected a whole number from 0 to 64 (decodes), got '100'"
    )
    assert problem_of({**OLD_APP, "COMPUTE_DEVICE": "ROCM"}, "DEVICE") == (
        "COMPUTE_DEVICE (for ROOMSCRIBE_DEVICE): expected CPU or CUDA, got 'ROCM': other accelerators are not supported"
    )


def test_what_only_the_old_recogniser_needed_is_told_to_have_no_effect():
    told = warnings({**GOOD, "LT_VOSK_SERVER_URL": "ws://vosk:2702", "LT_DISABLE_INTERNAL_VOSK": "1"})

    assert [each.split()[0] for each in told] == ["LT_VOSK_SERVER_URL", "LT_DISABLE_INTERNAL_VOSK"]
    assert all("ROOMSCRIBE_ASR_URL" in each for each in told)
    assert "vosk:2702" not in "".join(told)


@pytest.mark.parametrize("environment", [{**GOOD, "ROOMSCRIBE_TLS_VERIFY": "off"}, OLD_APP])
def test_switching_off_the_check_of_certificates_is_told_with_what_it_risks(environment):
    (told,) = warnings(environment)

    assert told.startswith(("ROOMSCRIBE_TLS_VERIFY", "SKIP_CERT_VERIFY"))
    assert "read and forge captions" in told


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("MODLE", "MODEL"),
        ("LANGUAGE", "LANGUAGES"),
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
    assert told.endswith(f"did you mean {PREFIX}{meant}?" if meant else "`roomscribe config show` lists them all")
    assert "hush" not in told


def test_nothing_is_told_about_settings_secrets_in_files_and_names_of_others():
    assert not misspelt({**GOOD, "ROOMSCRIBE_ASR_API_KEY_FILE": "key", "HTTP_PROXY": "", "ROOMSCRIBER_MODEL": ""})


@pytest.mark.parametrize("name", ["SERVICE_HOST", "SERVICE_PORT", "PORT", "PORT_23000_TCP_ADDR", "TEST_BROWSER"])
def test_nothing_is_told_about_what_kubernetes_and_tests_set_under_names_like_ours(name):
    assert not misspelt({PREFIX + name: "tcp://192.0.2.1:23000"})


def test_children_do_not_get_what_was_meant_for_us_under_other_names():
    environment = {**OLD_APP, "LT_INTERNAL_SECRET_FILE": "/run/secret", "HP_SHARED_KEY": "hunter2", "HF_HOME": "cache"}

    assert of_others(environment) == {"AA_VERSION": "32.0.0", "HF_HOME": "cache"}


def test_no_secret_is_in_a_repr():
    assert "s3cret" not in repr(read(GOOD))
