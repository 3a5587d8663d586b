#!/usr/bin/env bash
# The submission, as the grader starts it: trains and writes the representation where AICROWD_OUTPUT_PATH says.
# Arguments are passed on, e.g. `./run.sh --help`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export NDC_ROOT="$PWD"
exec python -m submission grade "$@"
