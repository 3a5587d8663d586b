"""``kubectl apply -f FILE`` for a RayJob: checks the manifest and runs its entrypoint here, where a Ray cluster is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml

KNOWN = {"entrypoint", "shutdownAfterJobFinishes", "rayClusterSpec"}
HEAD, WORKERS = "headGroupSpec", "workerGroupSpecs"


def check(manifest: dict[str, object]) -> str:
    """The entrypoint of a RayJob whose pods all mount the same claimed volume."""
    assert (manifest["apiVersion"], manifest["kind"]) == ("ray.io/v1", "RayJob")
    spec = manifest["spec"]
    assert isinstance(spec, dict)
    assert set(spec) <= KNOWN, set(spec) - KNOWN
    cluster = spec["rayClusterSpec"]
    groups = [cluster[HEAD], *cluster[WORKERS]]
    assert all({"groupName", "replicas", "rayStartParams", "template"} <= set(group) for group in cluster[WORKERS])
    claims = set()
    for group in groups:
        pod = group["template"]["spec"]
        volumes = {volume["name"]: volume["persistentVolumeClaim"]["claimName"] for volume in pod["volumes"]}
        for container in pod["containers"]:
            assert container["name"]
            assert container["image"]
            claims |= {(mount["mountPath"], volumes[mount["name"]]) for mount in container["volumeMounts"]}
    assert len(claims) == 1, claims
    return str(spec["entrypoint"])


if __name__ == "__main__":
    action, option, file = sys.argv[2:]
    assert (action, option) == ("apply", "-f"), sys.argv
    sys.exit(subprocess.run(["bash", "-e", "-c", check(yaml.safe_load(Path(file).read_text()))]).returncode)
