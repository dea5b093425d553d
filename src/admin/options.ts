/** The options: how they are written, what messages call them, and what each one writes into the request. */
import {
  daemonState,
  ipv6Mark,
  multicastGroup,
  netmask,
  realServer,
  serviceAt,
  serviceByMark,
  tunnelType,
  type Apply,
} from './option-values.js';
import type { OptionSyntax } from './option-reader.js';
import { DEFAULT_PERSISTENCE_SECONDS, type CommandName, type OptionName } from './request.js';
import { INT32_MAX, parseTimeout, PORT_MAX, requireInteger } from './values.js';

/** Starts a command line. */
export interface CommandOption extends OptionSyntax {
  readonly command: CommandName | 'help' | 'version';
  readonly apply: Apply;
}

/** Comes after the command. */
export interface PlainOption extends OptionSyntax {
  /** Null for an option that goes with every command, any number of times. */
  readonly name: OptionName | null;
  readonly apply: Apply;
}

export type Option = CommandOption | PlainOption;

/** Longer names of schedulers, persistence engines and interfaces are cut to what fits in the kernel's 16 bytes. */
const NAME_MAX = 15;
const SYNC_ID_MAX = 255;
const TTL_MAX = 255;
/** The largest UDP payload. */
const SYNC_LENGTH_MAX = 65_507;

const nothing: Apply = () => {};

function command(
  long: string,
  short: string,
  name: CommandOption['command'],
  apply?: Apply,
): CommandOption {
  const argument = apply === undefined ? 'none' : 'required';
  return { long, short, argument, command: name, apply: apply ?? nothing };
}

function flag(long: string, short: string, name: OptionName | null, apply = nothing): PlainOption {
  return { long, short, argument: 'none', name, apply };
}

function valued(long: string, short: string, name: OptionName, apply: Apply): PlainOption {
  return { long, short, argument: 'required', name, apply };
}

export const OPTIONS: readonly Option[] = [
  command('add-service', 'A', 'add-service'),
  command('edit-service', 'E', 'edit-service'),
  command('delete-service', 'D', 'delete-service'),
  command('clear', 'C', 'flush'),
  command('list', 'L', 'list'),
  command('list', 'l', 'list'),
  command('zero', 'Z', 'zero'),
  command('add-server', 'a', 'add-server'),
  command('edit-server', 'e', 'edit-server'),
  command('delete-server', 'd', 'delete-server'),
  command('restore', 'R', 'restore'),
  command('save', 'S', 'save'),
  command('help', 'h', 'help'),
  command('version', 'v', 'version'),
  command('set', '', 'set'),
  command('start-daemon', '', 'start-daemon', daemonState('start-daemon parameter')),
  command('stop-daemon', '', 'stop-daemon', daemonState('start_daemon')),

  valued('tcp-service', 't', 'service-address', serviceAt('tcp')),
  valued('udp-service', 'u', 'service-address', serviceAt('udp')),
  valued('sctp-service', '', 'service-address', serviceAt('sctp')),
  valued('fwmark-service', 'f', 'service-address', serviceByMark),
  flag('ipv6', '6', null, ipv6Mark),
  valued('scheduler', 's', 'scheduler', (request, value) => {
    request.scheduler = value.slice(0, NAME_MAX);
  }),
  valued('sched-flags', 'b', 'sched-flags', (request, value) => {
    request.schedulerFlagWords = value;
  }),
  {
    long: 'persistent',
    short: 'p',
    argument: 'optional',
    absentValue: String(DEFAULT_PERSISTENCE_SECONDS),
    name: 'persistent',
    apply: (request, value) => {
      request.persistenceTimeoutSeconds = parseTimeout(value, 1);
    },
  },
  valued('pe', '', 'pe', (request, value) => {
    request.persistenceEngine = value.slice(0, NAME_MAX);
  }),
  valued('netmask', 'M', 'netmask', netmask),
  flag('ops', 'o', 'ops'),

  valued('real-server', 'r', 'real-server', realServer),
  flag('masquerading', 'm', 'forwarding-method', (request) => {
    request.forwarding = 'masq';
  }),
  flag('ipip', 'i', 'forwarding-method', (request) => {
    request.forwarding = 'tunnel';
  }),
  flag('gatewaying', 'g', 'forwarding-method', (request) => {
    request.forwarding = 'route';
  }),
  valued('weight', 'w', 'weight', (request, value) => {
    request.weight = requireInteger(value, 0, INT32_MAX, 'weight');
  }),
  valued('u-threshold', 'x', 'u-threshold', (request, value) => {
    request.upperThreshold = requireInteger(value, 0, INT32_MAX, 'u_threshold');
  }),
  valued('l-threshold', 'y', 'l-threshold', (request, value) => {
    request.lowerThreshold = requireInteger(value, 0, INT32_MAX, 'l_threshold');
  }),
  valued('tun-type', '', 'tun-type', tunnelType),
  valued('tun-port', '', 'tun-port', (request, value) => {
    request.tunnel.port = requireInteger(value, 1, PORT_MAX, 'tunnel port');
  }),
  flag('tun-nocsum', '', 'tun-nocsum', (request) => {
    request.tunnel.checksum = 'none';
  }),
  flag('tun-csum', '', 'tun-csum', (request) => {
    request.tunnel.checksum = 'csum';
  }),
  flag('tun-remcsum', '', 'tun-remcsum', (request) => {
    request.tunnel.checksum = 'remcsum';
  }),

  flag('numeric', 'n', 'numeric'),
  flag('connection', 'c', 'connection'),
  flag('timeout', '', 'timeout'),
  flag('daemon', '', 'daemon'),
  flag('stats', '', 'stats'),
  flag('rate', '', 'rate'),
  flag('thresholds', '', 'thresholds'),
  flag('persistent-conn', '', 'persistent-conn'),
  flag('tun-info', '', 'tun-info'),
  flag('exact', 'X', 'exact'),
  flag('nosort', '', 'nosort'),
  flag('sort', '', null),

  valued('mcast-interface', '', 'mcast-interface', (request, value) => {
    if (value !== '') request.daemon.interface = value.slice(0, NAME_MAX);
  }),
  valued('syncid', '', 'syncid', (request, value) => {
    request.daemon.syncId = requireInteger(value, 0, SYNC_ID_MAX, 'syncid');
  }),
  valued('sync-maxlen', '', 'sync-maxlen', (request, value) => {
    request.daemon.maxLength = requireInteger(value, 1, SYNC_LENGTH_MAX, 'sync-maxlen');
  }),
  valued('mcast-group', '', 'mcast-group', multicastGroup),
  valued('mcast-port', '', 'mcast-port', (request, value) => {
    request.daemon.port = requireInteger(value, 1, PORT_MAX, 'mcast-port');
  }),
  valued('mcast-ttl', '', 'mcast-ttl', (request, value) => {
    request.daemon.ttl = requireInteger(value, 1, TTL_MAX, 'mcast-ttl');
  }),
];
