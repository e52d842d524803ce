"""Who runs Ansible, as hosts are told."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._host.actor import TOLD, find_actor
from ansible_collections.webstack.flask.plugins.plugin_utils._controller import find_job, tell

GITHUB = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "me/shop", "GITHUB_RUN_ID": "17", "GITHUB_ACTOR": "octo"}


@pytest.mark.parametrize(
    ("environment", "job", "user"),
    [
        ({}, "", ""),
        ({"CI": "true"}, "", ""),
        (GITHUB, "https://github.com/me/shop/actions/runs/17", "octo"),
        (
            {"CI_JOB_ID": "5", "CI_JOB_URL": "https://u:secret@git.example.com/j/5?t=secret", "GITLAB_USER_LOGIN": "a"},
            "https://git.example.com/j/5",
            "a",
        ),
        ({"CI_JOB_ID": "5"}, "5", ""),
        ({"JENKINS_URL": "https://ci", "BUILD_URL": "https://ci/job/1/", "BUILD_USER_ID": "a"}, "https://ci/job/1/", "a"),
        ({"BUILD_URL": "https://elsewhere"}, "", ""),
        ({"CI_JOB_ID": "5", "CI_JOB_URL": "https://[x"}, "", ""),
    ],
)
def test_the_job_of_a_ci_service_is_known_without_its_secrets(environment: dict[str, str], job: str, user: str) -> None:
    assert find_job(environment, {}) == (job, user)


def test_awx_tells_by_variables() -> None:
    assert find_job({}, {"awx_job_id": 7, "awx_user_name": "anna"}) == ("AWX job 7", "anna")


def test_the_host_reads_what_the_controller_has_said() -> None:
    told = tell({**GITHUB, "GITHUB_ACTOR": "a&b=c%\n\udc80" + "x" * 1000, "TOKEN": "secret"}, {"password": "secret"})
    assert "secret" not in told
    assert set(parse_qs(told)) == {"user", "host", "ci", "ci_user"}
    found = find_actor({TOLD: told})
    assert found.ci == "https://github.com/me/shop/actions/runs/17"
    assert found.ci_user.startswith("a&b=c%\n?xxx")
    assert "@" in found.controller
