/** What the director had whose answers were recorded: Linux 6.1, ipvsadm 1.31. */
import { NO_NAMES, type Names } from '../../admin/names.js';

/** As what the command was called, for messages. */
export const RECORDED_PROGRAM = 'ipvsadm';

/** Buckets of its connection table, which listings show. */
export const RECORDED_TABLE_SIZE = 4096;

/** Values of its net.ipv4.vs.* settings where a scenario says nothing else. */
export const RECORDED_DEFAULTS: Readonly<Record<string, string>> = {
  am_droprate: '10',
  amemthresh: '1024',
  backup_only: '0',
  cache_bypass: '0',
  conn_reuse_mode: '1',
  conntrack: '0',
  drop_entry: '0',
  drop_packet: '0',
  expire_nodest_conn: '0',
  expire_quiescent_template: '0',
  ignore_tunneled: '0',
  nat_icmp_send: '0',
  pmtu_disc: '1',
  run_estimation: '1',
  schedule_icmp: '0',
  secure_tcp: '0',
  sloppy_sctp: '0',
  sloppy_tcp: '0',
  snat_reroute: '1',
  sync_persist_mode: '0',
  sync_threshold: '3 50',
  sync_version: '1',
};

/** Some of /etc/services. */
const SERVICE_PORTS: Readonly<Record<string, number>> = {
  ftp: 21,
  ssh: 22,
  telnet: 23,
  smtp: 25,
  domain: 53,
  http: 80,
  www: 80,
  pop3: 110,
  ntp: 123,
  imap2: 143,
  snmp: 161,
  ldap: 389,
  https: 443,
  syslog: 514,
  imaps: 993,
  pop3s: 995,
  mysql: 3306,
  sip: 5060,
  postgresql: 5432,
  'http-alt': 8080,
};

/** Service names, and no host names: nothing here depends on the host that replays. */
export const RECORDED_NAMES: Names = {
  ...NO_NAMES,
  servicePort: (service) =>
    Promise.resolve(Object.hasOwn(SERVICE_PORTS, service) ? SERVICE_PORTS[service] : null),
  serviceName: (port) =>
    Promise.resolve(
      Object.keys(SERVICE_PORTS).find((service) => SERVICE_PORTS[service] === port) ?? null,
    ),
};
