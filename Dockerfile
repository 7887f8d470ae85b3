# The image of a Flotilla node: flotillad and the flotilla command-line tool.
#
# By default it compiles the source tree. With --build-arg PREBUILT=<folder> it takes the programs
# that were installed into that folder of the build context (bin/flotillad, bin/flotilla) on a
# machine with the same Debian release; scripts/image does that. Nothing here needs BuildKit.

FROM debian:bookworm-slim AS build
ARG PREBUILT=.
COPY ${PREBUILT} /source
WORKDIR /source
RUN set -e; \
    if [ ! -x bin/flotillad ]; then \
      scripts/setup; \
      cmake --preset release; \
      ninja -C build/release flotillad flotilla; \
      cmake --install build/release --component programs --strip --prefix /source; \
    fi; \
    mkdir -p /image/bin /image/data; \
    cp bin/flotillad bin/flotilla /image/bin/

FROM debian:bookworm-slim
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      libabsl20220623 \
      libgrpc++1.51 \
      libisal2 \
      libleveldb1d \
      libprotobuf32 \
      libyaml-cpp0.7 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log \
    && useradd --system --uid 6170 --home-dir /var/lib/flotilla --no-create-home flotilla
COPY --from=build /image/bin/ /usr/local/bin/
# A new volume takes its owner from the folder that it covers.
COPY --from=build --chown=flotilla:flotilla /image/data /var/lib/flotilla

USER flotilla
EXPOSE 6170 6171 6172
STOPSIGNAL SIGTERM
ENTRYPOINT ["flotillad"]
CMD ["--help"]
