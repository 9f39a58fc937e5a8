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
# The start period covers the download of a model. The default port is that of api/settings.py.
HEALTHCHECK --interval=15s --timeout=3s --start-period=180s \
  CMD ["python", "-c", "import http.client, os; \
    host = os.environ.get('ROOMSCRIBE_HTTP_HOST') or '127.0.0.1'; \
    host = {'0.0.0.0': '127.0.0.1', '::': '::1'}.get(host, host); \
    port = int(os.environ.get('ROOMSCRIBE_HTTP_PORT') or 23000); \
    asked = http.client.HTTPConnection(host, port, timeout=2); \
    asked.request('GET', '/healthz'); \
    raise SystemExit(asked.getresponse().status != 200)"]
ENTRYPOINT ["roomscribe"]
CMD ["serve"]
