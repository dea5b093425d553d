/** Which options go with which command, and with which tunnel type: tables, checked in a fixed order. */
import type { TunnelSettings } from '../control/api.js';
import { usageFault } from './failure.js';
import { OPTION_NAMES, type CommandName, type OptionName } from './request.js';

/** An option in none of the lists is illegal. */
interface Rules {
  readonly required?: readonly OptionName[];
  readonly optional?: readonly OptionName[];
  /** At most one of these. */
  readonly exclusive?: readonly OptionName[];
}

const SERVICE_RULES: Rules = {
  required: ['service-address'],
  optional: ['scheduler', 'persistent', 'netmask', 'ops', 'pe', 'sched-flags'],
};

const TUNNEL_OPTIONS = ['tun-port', 'tun-nocsum', 'tun-csum', 'tun-remcsum'] as const;

const SERVER_RULES: Rules = {
  required: ['service-address', 'real-server'],
  optional: [
    'forwarding-method',
    'weight',
    'u-threshold',
    'l-threshold',
    'tun-type',
    ...TUNNEL_OPTIONS,
  ],
};

const COMMAND_RULES: { readonly [command in CommandName]: Rules } = {
  'add-service': SERVICE_RULES,
  'edit-service': SERVICE_RULES,
  'delete-service': { required: ['service-address'] },
  flush: {},
  list: {
    exclusive: ['connection', 'service-address', 'timeout', 'daemon'],
    optional: [
      'numeric',
      'stats',
      'rate',
      'thresholds',
      'persistent-conn',
      'nosort',
      'syncid',
      'exact',
      'tun-info',
    ],
  },
  'add-server': SERVER_RULES,
  'edit-server': SERVER_RULES,
  'delete-server': { required: ['service-address', 'real-server'] },
  set: {},
  'start-daemon': {
    optional: [
      'mcast-interface',
      'syncid',
      'mcast-group',
      'mcast-port',
      'mcast-ttl',
      'sync-maxlen',
    ],
  },
  'stop-daemon': { optional: ['syncid'] },
  restore: {},
  save: { optional: ['numeric'] },
  zero: { optional: ['service-address'] },
};

const TUNNEL_RULES: { readonly [type in TunnelSettings['type']]: Rules } = {
  ipip: {},
  gue: { required: ['tun-port'], exclusive: ['tun-nocsum', 'tun-csum', 'tun-remcsum'] },
  gre: { exclusive: ['tun-nocsum', 'tun-csum'] },
};

/** Throws AdminError at the first option that is missing, illegal, or excluded by an earlier one. */
export function checkLegality(command: CommandName, given: ReadonlySet<OptionName>): void {
  checkRules(COMMAND_RULES[command], OPTION_NAMES, given, `'${command}' command`);
  if (command === 'list') checkDisplayFormats(given);
}

/** As `checkLegality`, for the options of a tunnel type. */
export function checkTunnelLegality(
  type: TunnelSettings['type'],
  given: ReadonlySet<OptionName>,
): void {
  checkRules(TUNNEL_RULES[type], TUNNEL_OPTIONS, given, `'${type}' tunnel type`);
}

/** True where an option says something about a tunnel. */
export function concernsTunnel(given: ReadonlySet<OptionName>): boolean {
  return given.has('tun-type') || TUNNEL_OPTIONS.some((option) => given.has(option));
}

function checkRules(
  { required = [], optional = [], exclusive = [] }: Rules,
  order: readonly OptionName[],
  given: ReadonlySet<OptionName>,
  subject: string,
): void {
  let chosen: OptionName | null = null;
  for (const option of order) {
    if (!given.has(option)) {
      if (!required.includes(option)) continue;
      throw usageFault(`You need to supply the '${option}' option for the ${subject}`);
    }
    if (exclusive.includes(option)) {
      if (chosen !== null) {
        throw usageFault(
          `The option '${option}' conflicts with the '${chosen}' option in the ${subject}`,
        );
      }
      chosen = option;
    } else if (!required.includes(option) && !optional.includes(option)) {
      throw usageFault(`Illegal '${option}' option with the ${subject}`);
    }
  }
}

/** Listings that don't show services have no columns of counters to choose. */
function checkDisplayFormats(given: ReadonlySet<OptionName>): void {
  const counters = given.has('stats') || given.has('rate') || given.has('thresholds');
  const single = given.has('timeout') || given.has('daemon');
  const conflict =
    (counters && (single || given.has('connection'))) || (single && given.has('persistent-conn'));
  if (conflict) throw usageFault('options conflicts in the list command');
}
