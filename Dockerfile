# The server's images: `cpu` (the default: OpenVINO, no TensorFlow) and `gpu` (TensorFlow with CUDA).
#
#   docker build --tag timeseries-server:cpu .
#   docker run --rm --read-only --publish 8000:8000 timeseries-server:cpu
#   docker build --tag timeseries-server:gpu --target gpu .
#   docker run --rm --read-only --tmpfs /tmp --gpus all --publish 8000:8000 timeseries-server:gpu
#
# Either with extras, by the names of their lock files in requirements/extras:
#   docker build --build-arg EXTRAS="traces" --tag timeseries-server:traces .
#
# Behind a proxy with its own certificates, pass its bundle; it is not stored in the image:
#   docker build --secret id=ca-certificates,src=/etc/ssl/certs/ca-certificates.crt .

# ---- What both images are, but for their packages -------------------------------------------------------
FROM python:3.13-slim-trixie AS runtime
# The official image ships its standard library without bytecode, and a read-only root cannot keep any: every
# start would compile it again. unchecked-hash: the files cannot change, so nothing compares them at import.
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash \
        -x '/(test|tests|ensurepip|idlelib|pydoc_data|tkinter|turtledemo|site-packages|dist-packages)/' \
        "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/nonexistent \
    HOST=0.0.0.0 \
    PORT=8000
WORKDIR /srv
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-m", "app", "health"]
# Exec form: Python is process 1 and gets the signal itself, with no shell between.
ENTRYPOINT ["python", "-m", "app"]
CMD ["serve"]

# ---- The service and the artifact that it serves --------------------------------------------------------
FROM python:3.13-slim-trixie AS service
WORKDIR /srv
# `python -m app --version` reads pyproject.toml.
COPY LICENSE pyproject.toml ./
COPY model_artifacts model_artifacts
COPY app app
# Readable for the image's user, whatever the umask was where the files come from.
RUN chmod -R a+rX . && python -m compileall -q --invalidation-mode unchecked-hash app

# ---- Packages: exactly the locked ones, each checked against its hash, and their licences ---------------
FROM python:3.13-slim-trixie AS installer
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
# Without pip inside: what serves needs no installer.
RUN python -m venv --without-pip /opt/venv
# What EXTRAS add, as one file. TRACES is what EXTRAS="traces" was called; without it the image would have no traces.
ARG EXTRAS
ARG TRACES
COPY LICENSE deploy/notices.py /tmp/
COPY requirements/extras /tmp/extras
RUN if [ -n "$TRACES" ]; then echo 'TRACES: not a build argument any more; use EXTRAS="traces"' >&2; exit 1; fi; \
    cd /tmp/extras && touch /tmp/extras.txt && for name in $EXTRAS; do \
        if ! cat "$name.txt" >> /tmp/extras.txt 2>/dev/null; then \
            echo "EXTRAS: requirements/extras has no $name.txt; use any of:" $(ls | sed 's/\.txt$//') >&2; exit 1; \
        fi; \
    done

FROM installer AS gpu-packages
COPY requirements/gpu.txt /tmp/
RUN --mount=type=secret,id=ca-certificates,target=/etc/ssl/certs/ca-certificates.crt \
    pip --python /opt/venv/bin/python install --no-cache-dir --no-compile --no-deps --require-hashes \
        --requirement /tmp/gpu.txt --requirement /tmp/extras.txt \
    # Headers for compilers, and the packages' own tests.
    && cd /opt/venv/lib/python3*/site-packages \
    && rm -rf tensorflow/include nvidia/*/include openvino/include numpy/tests numpy/*/tests h5py/tests \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib \
    && /opt/venv/bin/python /tmp/notices.py /tmp/LICENSE > /tmp/THIRD_PARTY_NOTICES.txt

FROM installer AS cpu-packages
COPY requirements/serve.txt /tmp/
RUN --mount=type=secret,id=ca-certificates,target=/etc/ssl/certs/ca-certificates.crt \
    pip --python /opt/venv/bin/python install --no-cache-dir --no-compile --no-deps --require-hashes \
        --requirement /tmp/serve.txt --requirement /tmp/extras.txt \
    # OpenVINO reads its own graphs on a CPU here: no other devices, no converters of other formats. Nor
    # headers for compilers, or the packages' own tests. `make image-check` tests that the rest serves.
    && cd /opt/venv/lib/python3*/site-packages \
    && rm -rf numpy/tests numpy/*/tests h5py/tests openvino/include openvino/cmake openvino/tools \
        openvino/frontend/*/ openvino/libs/cache.json openvino/libs/libopenvino_intel_[gn]pu_plugin.so \
    && find openvino/libs -name '*_frontend.so*' ! -name 'libopenvino_ir_frontend.so*' -delete \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib \
    && /opt/venv/bin/python /tmp/notices.py /tmp/LICENSE > /tmp/THIRD_PARTY_NOTICES.txt

# ---- The images -----------------------------------------------------------------------------------------
FROM runtime AS gpu
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=gpu-packages /opt/venv /opt/venv
COPY --from=service /srv /srv
COPY --from=gpu-packages /tmp/THIRD_PARTY_NOTICES.txt /srv/
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="timeseries-server" \
      org.opencontainers.image.description="Classifies time series with a sealed Keras model, on a GPU." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
USER 10001:10001

FROM runtime AS cpu
COPY --from=cpu-packages /opt/venv /opt/venv
COPY --from=service /srv /srv
COPY --from=cpu-packages /tmp/THIRD_PARTY_NOTICES.txt /srv/
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="timeseries-server" \
      org.opencontainers.image.description="Classifies time series with a sealed Keras model, on a CPU." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
USER 10001:10001
