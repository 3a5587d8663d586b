# The submission. Offline and small: `make image`, which puts the locked wheels into wheelhouse/ and builds with
# --network=none --build-arg PIP_NO_INDEX=1. Online: `docker build -t IMAGE .`, which takes the wheels from the package
# index, where torch is the CUDA wheel. --build-arg VARIANT=cpu or cuda decides it; auto looks into wheelhouse/.
# docker/pin-base-image.sh renews the digest of the base image.
ARG BASE_IMAGE=python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

FROM ${BASE_IMAGE} AS builder
ARG PIP_NO_INDEX=
ARG VARIANT=auto
# The last import below leaves byte code of what a run needs, and of nothing else.
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_COMPILE=1
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
WORKDIR /build
COPY requirements.lock requirements-cuda.lock ./
RUN --mount=type=bind,source=wheelhouse,target=/wheelhouse \
    if [ -z "$PIP_NO_INDEX" ]; then unset PIP_NO_INDEX; fi; \
    if [ "$VARIANT" = auto ]; then compgen -G '/wheelhouse/torch-*cpu*.whl' && VARIANT=cpu || VARIANT=cuda; fi; \
    locks=(-r requirements.lock); if [ "$VARIANT" = cuda ]; then locks+=(-r requirements-cuda.lock); fi; \
    python3 -m venv /opt/venv; \
    /opt/venv/bin/pip install --require-hashes --no-deps --only-binary=:all: --find-links=/wheelhouse "${locks[@]}"
# The project's own wheel: the one in dist/ (docker/build.sh), which holds compiled kernels, else one made here, which holds
# them where this stage has a compiler. Without them their Python twins give the same numbers more slowly.
COPY pyproject.toml setup.py README.md ./
COPY gin gin
COPY submission submission
RUN --mount=type=bind,target=/context \
    wheel=$(find /context/dist -name 'disentanglement_submission-*.whl' 2>/dev/null | sort --version-sort | tail -n 1 \
        || true); \
    /opt/venv/bin/pip install --no-index --no-deps --no-build-isolation "${wheel:-.}"; \
    site=$(/opt/venv/bin/python -c 'import site; print(site.getsitepackages()[0])'); \
    /opt/venv/bin/pip uninstall --yes setuptools pip; \
    rm -rf "$site"/torch/{include,share,test} "$site"/torch/lib/*.a; \
    find "$site" -type d \( -name tests -o -name test -o -name __pycache__ \) -not -path '*/torch/*' -prune \
        -exec rm -rf {} +; \
    /opt/venv/bin/python -I -c 'import submission.challenge.grade, submission.evaluation.targets, submission.metrics.boosting'

FROM ${BASE_IMAGE}
ARG NB_USER=aicrowd
ARG NB_UID=1001
ARG COMMIT=unknown
RUN if ! getent group "$NB_UID" >/dev/null; then groupadd --gid "$NB_UID" "$NB_USER"; fi \
    && if ! id "$NB_USER" >/dev/null 2>&1; then useradd --uid "$NB_UID" --gid "$NB_UID" --home-dir /home/aicrowd \
        --no-create-home --shell /bin/bash "$NB_USER"; fi
# Programs belong to root and cannot be changed by the user who runs them; output goes where AICROWD_OUTPUT_PATH says.
COPY --from=builder /opt/venv /opt/venv
WORKDIR /home/aicrowd
COPY run.sh train.py evaluate.py aicrowd.json ./
COPY gin gin
RUN install -d -o "$NB_UID" -g "$NB_UID" /home/aicrowd/scratch
ENV PATH=/opt/venv/bin:$PATH HOME=/home/aicrowd PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    SUBMISSION_COMMIT=${COMMIT}
USER ${NB_UID}:${NB_UID}
CMD ["/home/aicrowd/run.sh"]
