# Debian's Prometheus, as the lab's profile "metrics" has it.
ARG BASE_IMAGE=debian:bookworm-slim
FROM ${BASE_IMAGE}
RUN apt-get update \
 && apt-get install --yes --no-install-recommends prometheus \
 && apt-get clean && rm -rf /var/lib/apt/lists/*
COPY prometheus.yml /etc/prometheus/prometheus.yml
USER prometheus
CMD ["prometheus", "--config.file=/etc/prometheus/prometheus.yml"]
