#!/usr/bin/env bash
# Pin the base image by digest, or renew the pin: docker/pin-base-image.sh [TAG] (default: the tag in the pin).
# Needs an engine that reaches the image's registry. Commit docker/base-image.txt afterwards, then `make image-test`.
set -euo pipefail
cd "$(dirname "$0")/.."
DOCKER=${DOCKER:-docker} PIN=docker/base-image.txt
tag=${1:-$(sed 's/@sha256:.*//' "$PIN")}
if ! "$DOCKER" version >/dev/null 2>&1; then
    echo "no engine: $DOCKER cannot be reached" >&2
    exit 1
fi
"$DOCKER" pull --quiet "$tag" >/dev/null
digest=$("$DOCKER" image inspect --format '{{join .RepoDigests "\n"}}' "$tag" | grep -m 1 -o 'sha256:[0-9a-f]*$' || true)
if [ -z "$digest" ]; then
    echo "$tag has no digest: it was made here, not pulled" >&2
    exit 1
fi
printf '%s@%s\n' "$tag" "$digest" >"$PIN"
cat "$PIN"
