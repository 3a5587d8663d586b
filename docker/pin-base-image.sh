#!/usr/bin/env bash
# Renew the digest of the base image in the Dockerfile: docker/pin-base-image.sh [TAG] (default: the tag that stands there).
# Needs an engine that reaches the image's registry. Commit the Dockerfile afterwards, then `make image && make image-test`.
set -euo pipefail
cd "$(dirname "$0")/.."
DOCKER=${DOCKER:-docker}
tag=${1:-$(sed -n 's/^ARG BASE_IMAGE=\([^@]*\).*/\1/p' Dockerfile)}
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
sed -i "s|^ARG BASE_IMAGE=.*|ARG BASE_IMAGE=$tag@$digest|" Dockerfile
echo "$tag@$digest"
