"""What Compose, Nextcloud's AppAPI and Grafana are given: well-formed, complete, and of things that exist."""

from __future__ import annotations

import re
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml
from yamllint import linter
from yamllint.config import YamlLintConfig

from api.http.auth import OPEN_PATHS
from api.settings.aliases import HARP_SOCKET
from api.settings.load import HttpSettings, load
from api.settings.table import TABLE
from tests.test_deployment import IMAGES, VERSION, environment, last

ROOT = Path(__file__).parent.parent
LINT = YamlLintConfig("{extends: default, rules: {line-length: {max: 120}, document-start: disable}}")
YAML = [ROOT / "compose.yaml", *sorted((ROOT / "deploy").rglob("*.yml"))]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
OURS = SERVICES["roomscribe"]
INFO = ET.parse(ROOT / "appinfo" / "info.xml").getroot()
ORDER = [
    "id", "name", "summary", "description", "version", "licence", "author", "namespace", "category", "bugs",
    "dependencies", "external-app",
]  # fmt: skip
GIVEN = re.compile(r"\$\{(\w+)(?::[-?][^}]*)?\}")


def names() -> set[str]:
    """Every name in the environment that the code reads."""
    found = {setting.own for setting in TABLE}
    found |= {alias.name for setting in TABLE for alias in setting.aliases}
    return found | {f"{setting.own}_FILE" for setting in TABLE if setting.secret}


@pytest.mark.parametrize("path", YAML, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_yaml_is_tidy(path):
    assert [str(each) for each in linter.run(path.read_text(encoding="utf-8"), LINT)] == []


# Compose


def test_the_service_cannot_do_more_than_it_must():
    assert OURS["user"] == last("roomscribe", "USER")
    assert OURS["read_only"] is True
    assert OURS["cap_drop"] == ["ALL"]
    assert OURS["security_opt"] == ["no-new-privileges:true"]
    assert [each.partition(":")[0] for each in OURS["tmpfs"]] == ["/tmp"]
    assert OURS["pids_limit"] <= 1024


def test_the_service_has_bounds_and_the_time_to_say_its_last_words():
    assert OURS["mem_limit"] == OURS["memswap_limit"] == "2g"
    assert OURS["ulimits"]["nofile"] >= 65_536
    assert OURS["init"] is True
    assert int(OURS["stop_grace_period"].removesuffix("s")) == 30


def test_the_service_is_built_here_and_asks_itself_whether_it_runs():
    assert OURS["build"] == "."
    assert "healthcheck" not in OURS, "the image has it"


@pytest.mark.parametrize("service", SERVICES.values(), ids=list(SERVICES))
def test_no_port_is_open_to_other_machines_and_logs_do_not_fill_the_disk(service):
    assert [each for each in service["ports"] if not each.startswith("127.0.0.1:")] == []
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "mem_limit" in service


def test_the_service_listens_where_it_is_looked_for():
    port = HttpSettings().port
    assert OURS["ports"] == [f"127.0.0.1:{port}:{port}"]


def test_models_outlive_the_container():
    [mount] = OURS["volumes"]
    volume, path = mount.split(":")
    assert volume in COMPOSE["volumes"]
    assert path == last("roomscribe", "VOLUME")


@pytest.mark.parametrize("service", SERVICES.values(), ids=list(SERVICES))
def test_whatever_is_mounted_exists_and_cannot_be_written(service):
    for mount in service["volumes"]:
        source, _, *mode = mount.split(":")
        if source.startswith("."):
            assert (ROOT / source).exists(), source
            assert mode == ["ro"]
        else:
            assert source in COMPOSE["volumes"]


def secrets(service) -> dict[str, str]:
    """Where a service finds each secret → which one it is."""
    given = [each if isinstance(each, dict) else {"source": each, "target": each} for each in service["secrets"]]
    return {f"/run/secrets/{each['target']}": each["source"] for each in given}


def test_secrets_come_as_files_of_one_folder():
    assert {each["file"].rpartition("/")[0] for each in COMPOSE["secrets"].values()} == {"./secrets"}
    for service in SERVICES.values():
        assert set(secrets(service).values()) <= COMPOSE["secrets"].keys()
        files = {value for name, value in service.get("environment", {}).items() if name.endswith("_FILE")}
        assert files <= secrets(service).keys()


def test_the_service_is_told_only_what_the_code_knows():
    assert OURS["environment"].keys() <= names()
    assert {name for value in OURS["environment"].values() for name in GIVEN.findall(value)} <= names()


def test_what_the_service_is_told_makes_it_start(tmp_path):
    # given: the two addresses that an operator must name, and the secrets
    chosen = {"ROOMSCRIBE_HPB_URL": "https://hpb.test", "ROOMSCRIBE_NEXTCLOUD_URL": "https://chat.test"}
    for name in OURS["secrets"]:
        (tmp_path / name).write_text("a secret that is long enough\n".replace(" ", "-"), encoding="utf-8")

    # when
    told = {"ROOMSCRIBE_HTTP_HOST": "0.0.0.0"}
    for name, value in OURS["environment"].items():
        default = value.partition(":-")[2].removesuffix("}")
        told[name] = chosen.get(name) or default or value.replace("/run/secrets", str(tmp_path))
    settings = load(told)

    # then
    assert settings.http.port == 23000
    assert settings.rooms.chat_server.secret == "a-secret-that-is-long-enough"


def test_monitoring_is_there_when_it_is_asked_for():
    assert [name for name, service in SERVICES.items() if service.get("profiles") == ["monitoring"]] == [
        "prometheus", "grafana"
    ]  # fmt: skip
    for service in ("prometheus", "grafana"):
        assert not SERVICES[service]["image"].endswith(":latest")


# Prometheus and Grafana


def test_prometheus_asks_the_service_and_shows_its_secret():
    [job] = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    assert job["static_configs"][0]["targets"] == [f"roomscribe:{HttpSettings().port}"]
    assert "/metrics" not in OPEN_PATHS
    assert job["authorization"]["credentials_file"] in secrets(SERVICES["prometheus"])


def test_grafana_finds_prometheus_and_the_dashboard():
    folder = ROOT / "deploy" / "grafana" / "provisioning"
    [source] = yaml.safe_load((folder / "datasources/prometheus.yml").read_text(encoding="utf-8"))["datasources"]
    [provider] = yaml.safe_load((folder / "dashboards/roomscribe.yml").read_text(encoding="utf-8"))["providers"]
    assert source["url"] == "http://prometheus:9090"
    mounted = [mount.split(":")[1] for mount in SERVICES["grafana"]["volumes"]]
    assert f"{provider['options']['path']}/roomscribe.json" in mounted


# AppAPI


def text(path: str) -> str:
    found = INFO.findtext(path)
    assert found
    return found


def test_the_app_is_the_one_that_talk_asks_for():
    assert text("id") == "live_transcription"


def test_its_elements_stand_in_the_order_of_nextcloud_s_schema():
    assert list(dict.fromkeys(element.tag for element in INFO)) == ORDER


def test_it_has_the_version_and_the_licence_of_the_product():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert text("version") == text("external-app/docker-install/image-tag") == VERSION
    assert text("licence") == project["license"]


def test_its_image_is_the_one_that_is_built_for_it():
    assert text("external-app/docker-install/image") in IMAGES
    assert text("external-app/docker-install/registry") == "registry.example.org"


def test_it_says_with_which_nextcloud_it_runs():
    versions = INFO.find("dependencies/nextcloud").attrib
    assert 32 <= int(versions["min-version"]) <= int(versions["max-version"])


def test_an_administrator_can_set_what_the_code_knows_and_is_told_what_it_means():
    variables = INFO.findall("external-app/environment-variables/variable")
    told = [each.findtext("name") for each in variables]
    assert {"LT_HPB_URL", "LT_INTERNAL_SECRET", "ROOMSCRIBE_MODEL"} <= set(told) <= names()
    assert len(set(told)) == len(told)
    assert all(each.findtext("display-name") and each.findtext("description") for each in variables)


def test_defaults_that_it_gives_are_good_values():
    kinds = {setting.own: setting.parse for setting in TABLE}
    for each in INFO.findall("external-app/environment-variables/variable"):
        if each.findtext("default"):
            kinds[each.findtext("name")](each.findtext("default"))


@pytest.mark.parametrize(
    ("more", "host"),
    [({"APP_HOST": "0.0.0.0"}, "0.0.0.0"), ({"APP_HOST": "127.0.0.1", "HP_SHARED_KEY": "key"}, HARP_SOCKET)],
    ids=["Docker", "HaRP"],
)
def test_what_appapi_tells_the_image_makes_it_start(more, host):
    told = {
        "AA_VERSION": "33.0.0", "APP_ID": "live_transcription", "APP_DISPLAY_NAME": "roomscribe",
        "APP_VERSION": VERSION, "APP_SECRET": "given to us by AppAPI", "APP_PORT": "23456",
        "APP_PERSISTENT_STORAGE": "/nc_app_live_transcription_data", "COMPUTE_DEVICE": "CUDA",
        "NEXTCLOUD_URL": "https://cloud.test/index.php",
        "LT_HPB_URL": "https://cloud.test/standalone-signaling", "LT_INTERNAL_SECRET": "internal",
    }  # fmt: skip
    defaults = {
        each.findtext("name"): each.findtext("default") or ""  # AppAPI may give what has no value as an empty one
        for each in INFO.findall("external-app/environment-variables/variable")
    }

    settings = load(environment("roomscribe") | environment("roomscribe-exapp") | defaults | told | more)

    assert (settings.http.host, settings.http.port) == (host, 23456)
    assert settings.rooms.chat_server.url == "https://cloud.test"
    assert settings.engine.model.cache_dir == "/nc_app_live_transcription_data"
    assert settings.engine.model.device == "cpu", "the image has no CUDA"


def test_nothing_of_it_can_be_reached_through_nextcloud_s_proxy():
    assert INFO.find("external-app/routes") is None
