# A small image to try the toolkit without installing it: `docker build -t syncnas .`, then `docker run --rm -v "$PWD:/home/reviewer" syncnas`.
# Its lines are read by tests/release/test_dockerfile.py. Buildah has built it, and its demo has run, on a base of Debian 12 with Python 3.13
# that was made for that; not by docker, nor on the base of this name.
FROM python:3.13-slim-bookworm AS build
# The newest of this Debian: older ones leave its mirrors.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
# The runner is compiled here, for the glibc of this Debian and newer ones, and goes into the wheel.
RUN python -m venv /build && /build/bin/pip install --no-cache-dir . \
  && /build/bin/python -m android_harness.build --prebuilt \
  && /build/bin/pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.13-slim-bookworm
COPY --from=build /wheels /wheels
RUN python -m venv /opt/syncnas && /opt/syncnas/bin/pip install --no-cache-dir /wheels/*.whl && rm -rf /wheels \
  && useradd --create-home --uid 1000 reviewer
USER 1000
WORKDIR /home/reviewer
ENTRYPOINT ["/opt/syncnas/bin/syncnas"]
CMD ["demo"]
