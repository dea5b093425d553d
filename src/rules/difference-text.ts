/**
 * A difference as people read it, in ipvsadm's words:
 *
 *     - -D -t 10.1.0.100:443   (2 servers, 12 connections)
 *     - -d -t 10.1.0.100:80 -r 10.2.0.3:80   (4 connections)
 *     ~ -e -t 10.1.0.100:80 -r 10.2.0.2:80 -m -w 5   (was -w 1)
 *     + -a -t 10.1.0.100:80 -r 10.2.0.4:80 -m -w 1
 */
import { numericText } from '../admin/endpoint-text.js';
import {
  serverOptions,
  serviceOptions,
  serviceWords,
  thresholdOptions,
} from '../admin/option-words.js';
import type {
  Change,
  DestinationEntry,
  DestinationSettings,
  ServiceEntry,
} from '../control/api.js';
import type { Step } from './difference.js';

/** Each kind of change: its sign, its option, and what a summary says about it. */
const KINDS: Record<
  Change['change'],
  { sign: string; option: string; noun: string; verb: string }
> = {
  addService: { sign: '+', option: '-A', noun: 'service', verb: 'added' },
  editService: { sign: '~', option: '-E', noun: 'service', verb: 'edited' },
  deleteService: { sign: '-', option: '-D', noun: 'service', verb: 'deleted' },
  addDestination: { sign: '+', option: '-a', noun: 'server', verb: 'added' },
  editDestination: { sign: '~', option: '-e', noun: 'server', verb: 'edited' },
  deleteDestination: { sign: '-', option: '-d', noun: 'server', verb: 'deleted' },
};

/** One line without its line feed. */
export async function stepText({ change, before }: Step): Promise<string> {
  const line = `${KINDS[change.change].sign} ${await commandText(change)}`;
  const note = before === null ? '' : noteOf(change, before);
  return note === '' ? line : `${line}   (${note})`;
}

/** What `uvsadm` would be given to make the change: "-a -t 10.1.0.100:80 -r 10.2.0.4:80 -m -w 1". */
export async function commandText(change: Change): Promise<string> {
  const isServer = 'service' in change;
  const words = [KINDS[change.change].option];
  words.push(await serviceWords(isServer ? change.service : change.key, numericText));
  if (isServer) words.push('-r', numericText(change.key));
  if ('settings' in change) words.push(...optionsOf(change));
  return words.join(' ');
}

/** Connections, active and inactive, on what the step deletes. */
export function connectionsOnDeleted({ change, before }: Step): number {
  if (before === null || !change.change.startsWith('delete')) return 0;
  return connectionsOf(before);
}

/** "2 servers added, 1 server deleted". */
export function summaryText(steps: readonly Step[]): string {
  const parts = Object.entries(KINDS).flatMap(([kind, { noun, verb }]) => {
    const number = steps.filter(({ change }) => change.change === kind).length;
    return number === 0 ? [] : [`${countText(number, noun)} ${verb}`];
  });
  return parts.join(', ');
}

/** "1 server", "2 servers". */
export function countText(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function noteOf(change: Change, before: ServiceEntry | DestinationEntry): string {
  if ('settings' in change) return wasText(beforeOptions(before), optionsOf(change));
  const connections = countText(connectionsOf(before), 'connection');
  if (!('destinations' in before)) return connections;
  return `${countText(before.destinations.length, 'server')}, ${connections}`;
}

/** What was otherwise: "was -w 1", "was without -p 60". */
function wasText(before: readonly string[], after: readonly string[]): string {
  const gone = before.filter((option) => !after.includes(option));
  if (gone.length > 0) return `was ${gone.join(' ')}`;
  const come = after.filter((option) => !before.includes(option));
  return come.length === 0 ? '' : `was without ${come.join(' ')}`;
}

function optionsOf(change: Extract<Change, { settings: unknown }>): string[] {
  return 'service' in change
    ? serverWords(change.settings)
    : serviceOptions({ ...change.key, ...change.settings });
}

function beforeOptions(before: ServiceEntry | DestinationEntry): string[] {
  return 'destinations' in before ? serviceOptions(before) : serverWords(before);
}

function serverWords(settings: DestinationSettings): string[] {
  return [...serverOptions(settings), ...thresholdOptions(settings)];
}

function connectionsOf(entry: ServiceEntry | DestinationEntry): number {
  const servers = 'destinations' in entry ? entry.destinations : [entry];
  return servers.reduce(
    (sum, { activeConnections, inactiveConnections }) =>
      sum + activeConnections + inactiveConnections,
    0,
  );
}
