#!/usr/bin/env bash
# Build the image without network from wheels that are fetched first: `make image`.
#   IMAGE (name), VARIANT (cpu or cuda), BASE_IMAGE (else the Dockerfile's), DOCKER (the engine's client), PYTHON
#   may be set.
set -euo pipefail
cd "$(dirname "$0")/.."
DOCKER=${DOCKER:-docker} IMAGE=${IMAGE:-disentanglement-submission} VARIANT=${VARIANT:-cpu} PYTHON=${PYTHON:-python3}
export DOCKER_BUILDKIT=1

if ! "$DOCKER" version >/dev/null 2>&1; then
    echo "skipped: no engine"
    exit 0
fi

download=("$PYTHON" -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.11 --dest wheelhouse)
rm -f wheelhouse/torch-*
if [ "$VARIANT" = cuda ]; then
    "${download[@]}" --require-hashes -r requirements.lock -r requirements-cuda.lock
else
    # By hash pip would prefer the index's CUDA wheel; by version it prefers +cpu. The build checks the hash.
    "${download[@]}" --require-hashes -r <(grep -v '^torch==' requirements.lock)
    "${download[@]}" "$(sed -n 's/^\(torch==[^ ]*\).*/\1/p' requirements.lock)"
    if ! compgen -G 'wheelhouse/torch-*cpu*.whl' >/dev/null; then
        echo "pip finds no CPU wheel of torch: set PIP_EXTRA_INDEX_URL to an index that has it, or VARIANT=cuda" >&2
        exit 1
    fi
fi

# The project's wheel from a clean copy without old build products; with compiled kernels if this is Python 3.11 with a compiler.
rm -f dist/disentanglement_submission-*.whl
if "$PYTHON" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
    source=$(mktemp -d)
    trap 'rm -rf "$source"' EXIT
    git ls-files -z --cached --others --exclude-standard --deduplicate |
        tar --create --null --files-from=- --ignore-failed-read | tar --extract --directory "$source"
    "$PYTHON" -m pip wheel --quiet --no-index --no-deps --no-build-isolation --wheel-dir dist "$source"
fi

commit=$(git describe --always --dirty --abbrev=12 --exclude='*')
arguments=(--network=none --build-arg PIP_NO_INDEX=1 --build-arg "VARIANT=$VARIANT" --build-arg "COMMIT=$commit")
if [ -n "${BASE_IMAGE:-}" ]; then arguments+=(--build-arg "BASE_IMAGE=$BASE_IMAGE"); fi
start=$SECONDS
"$DOCKER" build "${arguments[@]}" --tag "$IMAGE" .
bytes=$("$DOCKER" image inspect --format '{{.Size}}' "$IMAGE")
echo "built $IMAGE ($VARIANT, commit $commit) in $((SECONDS - start)) s, $((bytes / 1000000)) MB"
