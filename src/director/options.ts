/**
 * What a director can be told. Each option has one entry here, from which the command line, the configuration
 * file (`config.ts`), their checks and the help text follow.
 */
import { isIPv4 } from 'node:net';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { isSettingName, SETTING_NAMES, SETTINGS } from '../../dataplane/settings.js';
import { DEFAULT_CAPACITY } from '../../dataplane/state.js';
import { DEFAULT_STATE_DIR, SOCKET_NAME, socketPathProblem } from '../control/path.js';
import { readListenAddress, type ListenAddress } from '../observe/listen-address.js';
import { DRIVERS, type DriverName } from '../worker/messages.js';
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from './log.js';
import { UsageError } from './usage.js';

/** What becomes of the packets while the data plane doesn't come up. */
export const ON_FAILURE = ['keep', 'release'] as const;
export type OnFailure = (typeof ON_FAILURE)[number];
/** Whether the kernel is to forward established connections by itself. */
export const FAST_PATH = ['off', 'auto', 'on'] as const;
export type FastPathChoice = (typeof FAST_PATH)[number];
export const MAX_CONNECTIONS_DEFAULT = DEFAULT_CAPACITY.connections;
export const MAX_CONNECTIONS_LIMIT = 16_777_216;

/** Options as given, by the names the user knows; what wasn't given isn't there. */
export interface OptionValues {
  interface?: string[];
  driver?: DriverName;
  rules?: string;
  'state-dir'?: string;
  socket?: string;
  set?: Record<string, number>;
  masquerade?: string[];
  'log-level'?: LogLevel;
  'log-format'?: LogFormat;
  'max-connections'?: number;
  'on-failure'?: OnFailure;
  metrics?: string;
  'procfs-dir'?: string;
  'fast-path'?: FastPathChoice;
}

export type OptionName = keyof OptionValues;

/** Options with every default filled in. */
export interface Options {
  /** Interfaces to work on; none: all that have routes. */
  interfaces: string[];
  driver: DriverName;
  rules: string | null;
  stateDir: string;
  socket: string;
  /** net.ipv4.vs.* by name. */
  settings: Record<string, number>;
  /** Source networks whose own traffic leaves under the director's address. */
  masquerade: string[];
  logLevel: LogLevel;
  logFormat: LogFormat;
  maxConnections: number;
  onFailure: OnFailure;
  fastPath: FastPathChoice;
  /** Where metrics and status page are served; null for nowhere. */
  metrics: ListenAddress | null;
  /** Where files as those of /proc/net/ip_vs are written; null for nowhere. */
  procfsDir: string | null;
}

interface Option {
  argument: string;
  summary: string;
  /** Completes "it must be ...". */
  allowed: string;
  /** Of one value. */
  schema: z.ZodType;
  /** May be given several times; an array in the file. */
  repeatable?: true;
  /** A value given as text, where it isn't text in the end. */
  fromText?: (text: string) => unknown;
  /** A path, relative to where it was written down. */
  path?: true;
}

const path = z
  .string()
  .min(1)
  .regex(/^[^\0]+$/);

export const OPTIONS: Record<OptionName, Option> = {
  interface: {
    argument: 'NAME',
    summary: 'work on this network interface (repeatable; default: all that have routes)',
    allowed: 'the name of a network interface',
    schema: z.string().regex(/^[^\s/]{1,15}$/),
    repeatable: true,
  },
  driver: {
    argument: 'NAME',
    summary: 'how frames are received and sent: ring (default), pcap (where ring does not run)',
    allowed: DRIVERS.join(' or '),
    schema: z.enum(DRIVERS),
  },
  rules: {
    argument: 'FILE',
    summary: 'services and servers to begin with, in the format of `uvsadm -S`',
    allowed: 'the path of a file',
    schema: path,
    path: true,
  },
  'state-dir': {
    argument: 'DIR',
    summary: `what must outlive a crash (default: ${DEFAULT_STATE_DIR})`,
    allowed: 'the path of a directory',
    schema: path,
    path: true,
  },
  socket: {
    argument: 'PATH',
    summary: `where uvsadm reaches the director (default: DIR/${SOCKET_NAME})`,
    allowed: "a UNIX socket's path, of at most 107 bytes",
    schema: path,
    path: true,
  },
  set: {
    argument: 'NAME=VALUE',
    summary: 'a setting of net.ipv4.vs.* (repeatable)',
    allowed: 'a whole number for a setting: NAME=VALUE, in a file {"NAME": VALUE}',
    schema: z.record(z.string(), z.int()),
    fromText: settingFromText,
  },
  masquerade: {
    argument: 'CIDR',
    summary: "hide this network's own traffic behind the director's address (repeatable)",
    allowed: 'an IPv4 network such as 10.2.0.0/24',
    schema: z.string().refine(isNetwork),
    repeatable: true,
  },
  'log-level': {
    argument: 'LEVEL',
    summary: `${LOG_LEVELS.join(', ')} (default: info)`,
    allowed: LOG_LEVELS.join(' or '),
    schema: z.enum(LOG_LEVELS),
  },
  'log-format': {
    argument: 'FORMAT',
    summary: 'lines of the log as text (default) or as json, an object each',
    allowed: LOG_FORMATS.join(' or '),
    schema: z.enum(LOG_FORMATS),
  },
  'max-connections': {
    argument: 'N',
    summary: `most connections at once (default: ${MAX_CONNECTIONS_DEFAULT})`,
    allowed: `a whole number from 1 to ${MAX_CONNECTIONS_LIMIT}`,
    schema: z.int().min(1).max(MAX_CONNECTIONS_LIMIT),
    fromText: numberFromText,
  },
  'on-failure': {
    argument: 'WHAT',
    summary:
      'while the data plane fails again and again: keep the packets (default) or release them',
    allowed: ON_FAILURE.join(' or '),
    schema: z.enum(ON_FAILURE),
  },
  'fast-path': {
    argument: 'WHETHER',
    summary:
      'have the kernel forward busy connections by itself: off (default), auto (where it can), on',
    allowed: FAST_PATH.join(' or '),
    schema: z.enum(FAST_PATH),
  },
  metrics: {
    argument: '[HOST:]PORT',
    summary: 'serve metrics (/metrics) and the status page (/) over HTTP; without HOST on loopback',
    allowed:
      'a port, or an IP address and a port such as 127.0.0.1:9110, [::1]:9110 or 0.0.0.0:9110',
    schema: z.string().refine((text) => readListenAddress(text) !== null),
  },
  'procfs-dir': {
    argument: 'DIR',
    summary: 'keep files as those of /proc/net/ip_vs in DIR/net, for programs that read them',
    allowed: 'the path of a directory',
    schema: path,
    path: true,
  },
};

export const OPTION_NAMES = Object.keys(OPTIONS) as OptionName[];

export function isOptionName(name: string): name is OptionName {
  return Object.hasOwn(OPTIONS, name);
}

/**
 * Checks one value of an option. `where` begins the message ("--driver", "/etc/uvs.json: driver"), relative
 * paths are taken from `folder`. Throws UsageError.
 */
export function checkValue(
  where: string,
  name: OptionName,
  value: unknown,
  folder: string,
): unknown {
  const option = OPTIONS[name];
  const checked = option.schema.safeParse(value);
  if (!checked.success) {
    throw new UsageError(
      `${where}: ${JSON.stringify(value)} won't do, it must be ${option.allowed}`,
    );
  }
  if (name === 'set') checkSettings(where, value as Record<string, number>);
  if (option.path === undefined) return checked.data;
  return resolve(folder, checked.data as string);
}

/** Settles what was given twice (the first source wins, settings one by one) and fills in the defaults. */
export function resolveOptions(winner: OptionValues, other: OptionValues): Options {
  const given: OptionValues = { ...other, ...winner };
  const stateDir = given['state-dir'] ?? DEFAULT_STATE_DIR;
  const socket = given.socket ?? join(stateDir, SOCKET_NAME);
  const problem = socketPathProblem(socket);
  if (problem !== null) throw new UsageError(`control socket ${socket} ${problem}`);
  return {
    interfaces: [...new Set(given.interface)],
    driver: given.driver ?? 'ring',
    rules: given.rules ?? null,
    stateDir,
    socket,
    settings: { ...other.set, ...winner.set },
    masquerade: [...new Set(given.masquerade)],
    logLevel: given['log-level'] ?? 'info',
    logFormat: given['log-format'] ?? 'text',
    maxConnections: given['max-connections'] ?? MAX_CONNECTIONS_DEFAULT,
    onFailure: given['on-failure'] ?? 'keep',
    fastPath: given['fast-path'] ?? 'off',
    metrics: given.metrics === undefined ? null : readListenAddress(given.metrics),
    procfsDir: given['procfs-dir'] ?? null,
  };
}

function checkSettings(where: string, settings: Record<string, number>): void {
  for (const [name, value] of Object.entries(settings)) {
    if (!isSettingName(name)) {
      throw new UsageError(
        `${where}: there is no setting ${JSON.stringify(name)}; there are ${SETTING_NAMES.join(', ')}`,
      );
    }
    const { min, max } = SETTINGS[name];
    if (value >= min && value <= max) continue;
    throw new UsageError(`${where}: ${name} can't be ${value}, it must be from ${min} to ${max}`);
  }
}

/** "NAME=VALUE" as { NAME: VALUE }; anything else stays as it is, for the schema to refuse. */
function settingFromText(text: string): unknown {
  const parts = /^([^=]+)=([^=]*)$/.exec(text);
  return parts === null ? text : { [parts[1]]: numberFromText(parts[2]) };
}

function numberFromText(text: string): unknown {
  return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
}

function isNetwork(text: string): boolean {
  const parts = /^([\d.]+)\/(\d{1,2})$/.exec(text);
  return parts !== null && isIPv4(parts[1]) && Number(parts[2]) <= 32;
}
