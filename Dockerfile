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
# libgomp is what CTranslate2's OpenMP needs; everything else is in the wheels.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --create-home --home-dir /var/lib/roomscribe roomscribe
COPY --from=build /opt/roomscribe /opt/roomscribe

# PYTHONSAFEPATH: the folder it is started in must not shadow modules. MALLOC_ARENA_MAX: fewer arenas, flatter memory.
ENV PATH=/opt/roomscribe/bin:$PATH \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2 \
    ROOMSCRIBE_HTTP_HOST=0.0.0.0 \
    ROOMSCRIBE_CACHE_DIR=/var/lib/roomscribe/models
USER roomscribe
WORKDIR /var/lib/roomscribe
VOLUME /var/lib/roomscribe
EXPOSE 23000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=3s --start-period=60s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:23000/healthz', timeout=2)"]
ENTRYPOINT ["roomscribe"]
CMD ["serve"]
