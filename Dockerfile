# One base, two images: `--target server` and `--target loadtest`. Neither holds a compiler; both run as uid 10001.
FROM python:3.13-slim-trixie AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/app
RUN groupadd --gid 10001 lockstep \
 && useradd --uid 10001 --gid lockstep --no-create-home --home-dir /tmp --shell /usr/sbin/nologin lockstep
WORKDIR /app


FROM base AS server
COPY requirements/server.txt requirements/
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
      --require-hashes -r requirements/server.txt
COPY docker/server_health.py docker/
COPY wire/lockstep_wire lockstep_wire
COPY server/lockstep_server lockstep_server
RUN python -m compileall -q docker lockstep_wire lockstep_server
USER 10001:10001
# The usual listeners, and room for more.
EXPOSE 8888-8899 9100
# Started by hand: the length framing and echoes of the comparison. Compose sets more.
ENV LOCKSTEP_ADMIN_HOST=0.0.0.0
HEALTHCHECK --interval=3s --timeout=3s --start-period=15s --retries=3 CMD ["python", "docker/server_health.py"]
CMD ["python", "-m", "lockstep_server"]


# Installing is a stage of its own, because hdrhistogram has no wheel for Linux on ARM: there, and only there, a
# compiler is fetched, and it stays behind in this stage.
FROM base AS loadtest-packages
RUN case "$(uname -m)" in aarch64) apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev ;; esac
COPY requirements/loadtest.txt requirements/
RUN python -m venv --without-pip /opt/lockstep \
 && pip --python /opt/lockstep install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
      --require-hashes -r requirements/loadtest.txt


FROM base AS loadtest
COPY --from=loadtest-packages /opt/lockstep /opt/lockstep
ENV PATH=/opt/lockstep/bin:$PATH
COPY docker/master_health.py docker/worker_health.py docker/
COPY wire/lockstep_wire lockstep_wire
COPY loadtest/lockstep lockstep
COPY loadtest/locustfile.py .
COPY loadtest/lockstep/plans plans
RUN python -m compileall -q docker lockstep_wire lockstep
USER 10001:10001
EXPOSE 8089 5557
# Run folders stay writable for the group that owns ./results, so that whoever ran Compose can delete them.
# Flags alone are Locust's, as those who start images by their flags expect.
ENTRYPOINT ["sh", "-c", "umask 0002; case $1 in -*) set -- python -m locust -f /app/locustfile.py \"$@\";; esac; exec \"$@\"", "--"]
CMD ["python", "-m", "locust", "-f", "/app/locustfile.py"]
