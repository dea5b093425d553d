# An NFS server in user space that shows /srv/documents as /documents.
ARG BASE_IMAGE=debian:bookworm-slim
FROM ${BASE_IMAGE}
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libnfs-utils nfs-ganesha nfs-ganesha-vfs \
 && apt-get clean && rm -rf /var/lib/apt/lists/*
COPY ganesha.conf /etc/ganesha/ganesha.conf
COPY documents /srv/documents
HEALTHCHECK --interval=2s --timeout=5s --start-period=30s CMD ["nfs-ls", "nfs://127.0.0.1/documents?version=4"]
CMD ["ganesha.nfsd", "-F", "-L", "STDERR", "-p", "/run/ganesha.pid"]
