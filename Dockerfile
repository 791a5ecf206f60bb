# Numatix and its simulator in one image: python -m numatix serves both, state lives in one volume.

FROM python:3.11-slim-bookworm AS build
WORKDIR /app
RUN python -m venv /app/.venv
COPY requirements.lock ./
# The lock is complete and hashed; bytecode is compiled here because the final tree cannot be written to.
RUN /app/.venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-compile --no-deps --use-pep517 \
        --require-hashes --requirement requirements.lock \
    && (/app/.venv/bin/python -m compileall -qq -j 0 /app/.venv/lib || true) \
    && /app/.venv/bin/python -m pip uninstall --yes --quiet pip setuptools
COPY engine engine
COPY data data
COPY components components
COPY pages pages
COPY numatix numatix
RUN python -m compileall -qq engine data components pages numatix

FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 numatix \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/numatix --shell /usr/sbin/nologin numatix \
    && install --directory --owner=numatix --group=numatix --mode=0700 /var/lib/numatix
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    NUMATIX_HOST=0.0.0.0 \
    NUMATIX_VAR_DIR=/var/lib/numatix
USER 10001:10001
VOLUME /var/lib/numatix
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('NUMATIX_PORT', '8080')), timeout=2); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["python", "-m", "numatix"]
