/** The topology of a NAT plan as text, at most 80 columns wide. */
import {
  DIRECTOR_INSIDE,
  DIRECTOR_OUTSIDE,
  VIP,
  range,
  type HostPlan,
  type LabPlan,
} from './plan.js';

const LABEL_COLUMNS = 18;
const DIRECTOR_COLUMNS = 21;

/** Box-drawing characters by the directions they reach into: 1 up, 2 right, 4 down, 8 left. */
const STROKES = ' ╵╶└╷│┌├╴┘─┴┐┤┬┼';
const UP = 1;
const RIGHT = 2;
const DOWN = 4;
const LEFT = 8;

/**
 *                  10.1.0.0/24                    10.2.0.0/24
 *                                   director         ┌── server1 10.2.0.11
 *     client 10.1.0.2    ──── 10.1.0.1     10.2.0.1 ─┼── server2 10.2.0.12
 *                             VIP 10.1.0.100         └── server3 10.2.0.13
 */
export function drawNatPlan(plan: LabPlan): string {
  const servers = labels(plan, 'server');
  const clients = labels(plan, 'client');
  const rows = Math.max(servers.length, clients.length, 3);
  const middle = (rows - 1) >> 1;
  const left = spread(clients, rows);
  const right = spread(servers, rows);
  const lines = range(rows).map((n) => {
    const row = n - 1;
    const client = left[row].padEnd(LABEL_COLUMNS);
    const trunks = [trunk(left, row, middle, LEFT), trunk(right, row, middle, RIGHT)];
    return `  ${client} ${trunks[0]} ${directorPart(row - middle)} ${trunks[1]} ${right[row]}`.trimEnd();
  });
  const title = `  ${'10.1.0.0/24'.padStart(24)}${'10.2.0.0/24'.padStart(31)}`;
  return [title, ...lines].join('\n');
}

function directorPart(rowFromMiddle: number): string {
  const parts: Record<number, string> = {
    [-1]: '      director',
    0: `${DIRECTOR_OUTSIDE}     ${DIRECTOR_INSIDE}`,
    1: `VIP ${VIP}`,
  };
  return (parts[rowFromMiddle] ?? '').padEnd(DIRECTOR_COLUMNS);
}

/** Four columns between hosts and director: the cable of this row's host, and the line that joins the rows. */
function trunk(hosts: string[], row: number, middle: number, hostSide: number): string {
  const used = hosts.flatMap((label, index) => (label === '' ? [] : [index]));
  const first = Math.min(middle, ...used);
  const last = Math.max(middle, ...used);
  const directorSide = hostSide === LEFT ? RIGHT : LEFT;
  const toHost = hosts[row] === '' ? 0 : hostSide;
  const toDirector = row === middle ? directorSide : 0;
  const along = (row > first && row <= last ? UP : 0) | (row >= first && row < last ? DOWN : 0);
  const joint = STROKES[toHost | toDirector | along];
  const hostStroke = toHost === 0 ? ' ' : '─';
  const directorStroke = toDirector === 0 ? ' ' : '─';
  return hostSide === LEFT
    ? `${hostStroke}${hostStroke}${joint}${directorStroke}`
    : `${directorStroke}${joint}${hostStroke}${hostStroke}`;
}

/** Labels spread over rows around the middle, '' where there is none. */
function spread(hosts: string[], rows: number): string[] {
  const before = (rows - hosts.length) >> 1;
  return range(rows).map((n) => hosts[n - 1 - before] ?? '');
}

function labels(plan: LabPlan, role: HostPlan['role']): string[] {
  return plan.hosts
    .filter((host) => host.role === role)
    .map((host) => `${host.name} ${host.interfaces[0].addresses[0].split('/')[0]}`);
}
