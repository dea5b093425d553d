# The director's image (the last stage, `docker build .`), and that of the lab's clients and servers (`--target lab`).
#
#     lab        Debian with nginx, curl and tcpdump
#     build      compiles; has npm and the compiler
#     director   Debian with ip, Node.js and uvs; no npm, no compiler
#
# It needs the capabilities NET_ADMIN and NET_RAW and no others, IP forwarding (--sysctl net.ipv4.ip_forward=1) and a
# place for its state: a tmpfs at /run/uvs, or a volume on one that outlives the container. docker-compose.yml has
# all of it.

ARG NODE_IMAGE=node:22-bookworm-slim
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${BASE_IMAGE} AS lab
RUN apt-get update \
 && apt-get install --yes --no-install-recommends curl iproute2 nginx-light tcpdump \
 && apt-get clean && rm -rf /var/lib/apt/lists/*
COPY docker/nginx.conf /etc/nginx/nginx.conf
COPY docker/documents /srv/documents

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# Nothing that is needed here is compiled at installation.
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build:package && npm prune --omit=dev --ignore-scripts
RUN mkdir -p /usr/local/lib/uvs && cp -r package.json dist node_modules LICENSE /usr/local/lib/uvs

FROM ${BASE_IMAGE} AS director
RUN apt-get update \
 && apt-get install --yes --no-install-recommends iproute2 libstdc++6 \
 && apt-get clean && rm -rf /var/lib/apt/lists/*
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build /usr/local/lib/uvs /usr/local/lib/uvs
RUN for command in uvsd uvs uvsadm uvsadm-save uvsadm-restore; do \
      ln -s ../lib/uvs/dist/bin/$command.js /usr/local/bin/$command; \
    done \
 && ln -s uvsadm /usr/local/bin/ipvsadm
COPY docker/director.sh /usr/local/bin/director
HEALTHCHECK --interval=5s --timeout=5s --start-period=10s CMD ["uvs", "status"]
ENTRYPOINT ["director"]
