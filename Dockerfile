# The image: one executable on a distroless base, with its licences and its bill of materials.
# ./docker-build.sh calls the builder with the right arguments and pinned bases; `docker build .` works, too.
ARG BUN_IMAGE=docker.io/oven/bun:1.4.5-debian
ARG BASE_IMAGE=gcr.io/distroless/base-nossl-debian12:latest

# Runs on the builder's own architecture and compiles for the target's, without emulation.
FROM --platform=$BUILDPLATFORM ${BUN_IMAGE} AS build
# Always this directory: the path is in the executable, so its bytes depend on it.
WORKDIR /build
COPY package.json bun.lock bunfig.toml ./
# The secret is optional: settings for a private npm registry, which no layer keeps.
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc bun install --frozen-lockfile
COPY LICENSE tsconfig.json ./
COPY deploy deploy
COPY src src
ARG TARGETARCH
ARG SOURCE_DATE_EPOCH
# For the bill of materials.
ARG BASE_IMAGE
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    bun deploy/build.ts --arch=$TARGETARCH && bun deploy/notices.ts && bun deploy/sbom.ts

# Explicit although it is the default: buildah 1.28 would use the platform of the previous stage.
FROM --platform=$TARGETPLATFORM ${BASE_IMAGE}
COPY --from=build /build/LICENSE /build/dist/THIRD-PARTY-NOTICES /build/dist/video-device-plugin.cdx.json \
     /usr/share/doc/video-device-plugin/
COPY --from=build /build/dist/video-device-plugin /usr/bin/video-device-plugin
# Root, since it loads a kernel module and creates device nodes; as numbers, which need no /etc/passwd.
USER 0:0
WORKDIR /
ENTRYPOINT ["/usr/bin/video-device-plugin"]

# https://github.com/opencontainers/image-spec/blob/main/annotations.md; last, since they change with every commit
ARG BASE_NAME
ARG CREATED
ARG REVISION
ARG SOURCE
ARG VERSION
LABEL org.opencontainers.image.title="video-device-plugin" \
      org.opencontainers.image.description="A Kubernetes device plugin that gives pods a v4l2loopback camera of their own." \
      org.opencontainers.image.licenses="MIT AND Apache-2.0 AND BSD-3-Clause AND ISC AND LGPL-2.0-or-later" \
      org.opencontainers.image.base.name="${BASE_NAME}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.url="${SOURCE}" \
      org.opencontainers.image.version="${VERSION}"
