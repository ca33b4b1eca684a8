"""The emulated kubernetes provider with the real engine and a real API server, without nodes."""

from __future__ import annotations

import json

from tests.kubernetes.kubernetes_objects import config_map, deployment, secret, service
from tests.kubernetes.kubernetes_project import Project

SECRET = "pass-phrase-of-the-test"


def test_an_object_is_created_once_updated_in_place_and_deleted(project: Project, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/services/app"
    project.write(app=service(clusterIP="None"))
    project.up()
    made = project.plane.request("GET", path)
    assert project.steps() == []

    changed = service(clusterIP="None", sessionAffinity="ClientIP")
    changed["inputs"]["metadata"]["labels"] = {"tier": "web"}
    project.write(app=changed)
    assert project.steps() == [("update", "app")]
    project.up()
    live = project.plane.request("GET", path)
    assert live["metadata"]["uid"] == made["metadata"]["uid"]
    assert live["metadata"]["labels"] == {"tier": "web"}
    managers = [(one["manager"][:18], one["operation"]) for one in live["metadata"]["managedFields"]]
    assert managers == [("pulumi-kubernetes-", "Apply")]

    del changed["inputs"]["metadata"]["labels"]
    project.write(app=changed)
    project.up()
    assert "labels" not in project.plane.request("GET", path)["metadata"]
    project.pulumi("destroy", "--yes")
    assert project.plane.request("GET", f"/api/v1/namespaces/{namespace}/services")["items"] == []


def test_generated_name_is_kept(project: Project) -> None:
    project.write(settings=config_map())
    project.up()
    made = project.state("settings")["outputs"]["metadata"]
    assert made["name"].startswith("settings-")
    assert made["annotations"] == {"pulumi.com/autonamed": "true"}
    assert "labels" not in made
    project.write(settings=config_map(metadata={"labels": {"a": "b"}}))
    project.up()
    assert project.state("settings")["outputs"]["metadata"]["name"] == made["name"]


def test_changed_secret_is_replaced_by_a_new_one(project: Project) -> None:
    project.write(login=secret("one-value"))
    project.up()
    before = project.state("login")["id"]
    project.write(login=secret("another"))
    assert project.steps() == [("replace", "login")]
    printed = project.up()
    assert printed.index("created replacement") < printed.index("deleting original")
    assert project.state("login")["id"] != before


def test_a_secret_with_a_name_of_its_own_is_deleted_before_it_is_replaced(project: Project) -> None:
    project.write(login=secret("one-value", name="login"))
    project.up()
    project.write(login=secret("another", name="login"))
    assert project.steps() == [("replace", "login")]
    printed = project.up()
    assert printed.index("deleted original") < printed.index("creating replacement")


def test_a_changed_selector_replaces_the_deployment_and_its_image_does_not(project: Project) -> None:
    app = deployment("app:1")
    app["inputs"]["metadata"]["annotations"] = {"pulumi.com/skipAwait": "true"}
    project.write(app=app)
    project.up()
    assert project.steps() == []
    app["inputs"]["spec"]["template"]["spec"]["containers"][0]["image"] = "app:2"
    project.write(app=app)
    assert project.steps() == [("update", "app")]
    app["inputs"]["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    app["inputs"]["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    project.write(app=app)
    assert ("replace", "app") in project.steps()


def test_the_data_of_a_secret_is_secret_without_the_programs_word(project: Project) -> None:
    project.write(login=secret(SECRET))
    printed = project.pulumi("preview", "--diff") + project.up() + project.export()
    project.write(login=secret(SECRET + "-changed"))
    printed += project.pulumi("preview", "--diff") + project.up() + project.export()
    printed += project.pulumi("refresh", "--yes")
    encoded = json.loads(project.pulumi("stack", "export", "--show-secrets"))
    assert SECRET not in printed
    assert "cGFzcy1waHJhc2" not in printed  # base64 of its beginning
    assert "cGFzcy1waHJhc2" in json.dumps(encoded)


def test_a_secret_that_the_api_server_quotes_is_not_in_the_error(project: Project) -> None:
    broken = config_map(metadata={"name": "settings", "labels": {"word": {"secret": f"{SECRET} with blanks"}}})
    project.write(settings=broken)
    printed = project.up(check=False)
    assert "Invalid value" in printed
    assert "[secret]" in printed
    assert SECRET not in printed


def test_a_misspelt_or_ill_typed_property_fails_the_plan_with_its_path(project: Project) -> None:
    wrong = deployment("app:1", replicas="many")
    wrong["inputs"]["spec"]["template"]["spec"]["containers"][0]["imagePullpolicy"] = "Always"
    project.write(app=wrong)
    printed = project.pulumi("preview", check=False)
    assert "spec.replicas must be a whole number, not a string" in printed
    assert "spec.template.spec.containers[0].imagePullpolicy is not a property" in printed


def test_what_the_api_server_refuses_fails_the_preview_in_its_words(project: Project) -> None:
    project.write(app=service(type="LoadBalancer", clusterIP="None"))
    printed = project.pulumi("preview", check=False)
    assert "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for LoadBalancer services" in printed


def test_unsupported_resource_is_reported(project: Project) -> None:
    project.write(job={"type": "kubernetes:helm.sh/v3:Release", "inputs": {"chart": "x"}})
    assert "helm.sh/v3:Release is not supported by the sandbox's emulation of" in project.pulumi("preview", check=False)
    project.configure(enable_server_side_apply=False)
    project.write(a=config_map())
    assert "enableServerSideApply=false" in project.pulumi("preview", check=False)


def test_existing_object_is_not_adopted(project: Project, namespace: str) -> None:
    body = {"metadata": {"name": "theirs"}, "data": {"a": "theirs"}}
    project.plane.request("POST", f"/api/v1/namespaces/{namespace}/configmaps", body)
    project.write(theirs=config_map(metadata={"name": "theirs"}))
    assert "The resource already exists in the cluster" in project.up(check=False)


def test_a_field_of_another_manager_is_a_conflict_unless_forced(project: Project, namespace: str) -> None:
    app = service(clusterIP="None")
    project.write(app=app)
    project.up()
    path = f"/api/v1/namespaces/{namespace}/services/app"
    theirs = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "app", "labels": {"tier": "theirs"}}}
    applied = "application/apply-patch+yaml"
    project.plane.request("PATCH", f"{path}?fieldManager=somebody", theirs, applied)
    app["inputs"]["metadata"]["labels"] = {"tier": "ours"}
    project.write(app=app)
    printed = project.up(check=False)
    assert "server-side apply field conflict detected" in printed
    assert 'conflict with "somebody"' in printed
    app["inputs"]["metadata"]["annotations"] = {"pulumi.com/patchForce": "true"}
    project.write(app=app)
    project.up()
    assert project.plane.request("GET", path)["metadata"]["labels"] == {"tier": "ours"}
