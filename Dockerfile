# Two stages: build a virtual environment from the lock file, then copy it into a slim image that runs without root.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1

# The tools that build the wheel stay in this stage.
COPY requirements.lock requirements-dev.lock ./
RUN python -m venv /tools && /tools/bin/pip install --require-hashes -r requirements-dev.lock
RUN python -m venv /opt/roomscribe && /opt/roomscribe/bin/pip install --require-hashes -r requirements.lock

COPY pyproject.toml README.md LICENSE ./
COPY api api
COPY bot bot
COPY pipeline pipeline
COPY signaling signaling
COPY soak soak
RUN /tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/roomscribe/bin/pip install --no-deps /wheels/*.whl


FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="roomscribe" \
      org.opencontainers.image.description="Live captions for conference rooms" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
# libgomp is what CTranslate2's OpenMP needs; everything else is in the wheels. The user's number is fixed, so that it can
# be named where volumes and secrets get their owner.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 roomscribe \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/roomscribe --shell /usr/sbin/nologin roomscribe \
 && install -d -o roomscribe -g roomscribe /var/lib/roomscribe
COPY --from=build /opt/roomscribe /opt/roomscribe

# PYTHONSAFEPATH: the folder it is started in must not shadow modules. MALLOC_ARENA_MAX: fewer arenas, flatter memory.
# HOME: the model hub's library writes beside the models, also for a user that the image does not know.
# ORT_DISABLE_TELEMETRY: onnxruntime would report to its maker.
ENV PATH=/opt/roomscribe/bin:$PATH \
    HOME=/var/lib/roomscribe \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2 \
    ORT_DISABLE_TELEMETRY=1 \
    ROOMSCRIBE_HTTP_HOST=0.0.0.0 \
    ROOMSCRIBE_CACHE_DIR=/var/lib/roomscribe/models
USER 10001:10001
WORKDIR /var/lib/roomscribe
# The only place that is written to, and only when a model is downloaded: the rest may be read-only.
VOLUME /var/lib/roomscribe
EXPOSE 23000
STOPSIGNAL SIGTERM
# Alive, not ready: a model that is still being loaded is no reason to start again. One check costs a second of a CPU.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["roomscribe", "healthcheck"]
ENTRYPOINT ["roomscribe"]
CMD ["serve"]
