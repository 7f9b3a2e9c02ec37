# docker build -t breakwater .          for this machine
# docker buildx bake                    for amd64 and arm64, see docker-bake.hcl
#
# Any Debian- or Alpine-like base with node and npm. Node.js 24 is a long-term line, maintained until April 2028.
ARG NODE_IMAGE=node:24-bookworm-slim

# --- What runs: production dependencies only. Builds beside the next stage, and stays cached until the lockfile changes. ---
# Both stages run on the machine that builds, whatever the image is for: they make JavaScript only, so nothing is emulated.
FROM --platform=${BUILDPLATFORM} ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# No dependency needs an install script. A private registry: `docker build --secret id=npmrc,src=$HOME/.npmrc .`
RUN --mount=type=cache,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc \
    npm ci --omit=dev --ignore-scripts --no-audit --no-fund

# --- The compiler, and the bundle that is made of src. ---
FROM --platform=${BUILDPLATFORM} ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc \
    npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY tools/bundle ./tools/bundle
COPY src ./src
RUN npm run build

# --- The image: nothing in it belongs to, or can be written by, the user that runs it. It only copies, and runs nothing. ---
FROM ${NODE_IMAGE}
WORKDIR /app
ENV NODE_ENV=production \
    BREAKWATER_CONFIG=/etc/breakwater/breakwater.yaml \
    BREAKWATER_ADMIN=0.0.0.0:9900
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json ./
COPY --from=build /app/dist/program ./dist/program
COPY config/container.yaml /etc/breakwater/breakwater.yaml

# A number, so that Kubernetes' `runAsNonRoot` can tell without /etc/passwd.
USER 65532:65532
EXPOSE 8080 9900

# The proxy itself is process 1 and gets SIGTERM. It may drain for `shutdown.grace`, 25 s by default, which is longer than
# `docker stop` waits: `docker run --stop-timeout 30`, or `stop_grace_period: 30s` in Compose.
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "/app/dist/program/main.js"]
CMD ["run"]

# The default file takes `admin.listen` from BREAKWATER_ADMIN (host:port). A file of your own that names another
# address needs the variable set to it, or this check asks the wrong port.
# /healthz and not /readyz: a container that drains is not ill. The admin port opens last, so it answers for the others.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["node", "-e", "require('node:http').get(`http://${process.env.BREAKWATER_ADMIN}/healthz`, (r) => process.exit(r.statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]

# What the image says of itself. docker-bake.hcl fills these; unknown ones stay empty.
ARG VERSION
ARG REVISION
ARG CREATED
ARG SOURCE
LABEL org.opencontainers.image.title="breakwater" \
    org.opencontainers.image.description="A sidecar resilience reverse proxy" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.created="${CREATED}" \
    org.opencontainers.image.source="${SOURCE}"
