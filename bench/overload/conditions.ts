/** Under which circumstances a load is measured. */
import { VIP } from '../../lab/plan.js';
import { nftables } from '../macro/peers/nftables.js';
import type { Peer } from '../macro/peers/peer.js';
import { routing } from '../macro/peers/routing.js';
import { uvs } from '../macro/peers/uvs.js';
import { WEB } from '../macro/services.js';
import type { Site } from '../macro/site.js';
import { Flood } from './flood.js';

export interface Condition {
  readonly id: string;
  readonly title: string;
  /** Begins it; resolves to what ends it. */
  begin(site: Site, framesPerSecond: number): Promise<{ end(): Promise<number> }>;
}

/** A port of nobody, whose packets a rule drops as soon as they come in. */
export const DOOR_PORT = 81;
const FLOOD_SECONDS = 120;
/** Handshakes a second of the flood of connections, and how many it leaves open. */
const HANDSHAKES_PER_SECOND = 5000;
const HANDSHAKES_MAX = 40_000;

export const calm: Condition = {
  id: 'calm',
  title: 'undisturbed',
  begin: () => Promise.resolve({ end: () => Promise.resolve(0) }),
};

/** What a flood costs the machine that makes it and receives it, whatever the director does about it. */
const door = synFlood('door', 'SYNs, dropped at the door', DOOR_PORT);
const syn = synFlood('syn', 'SYN flood', WEB.port);

const connect: Condition = {
  id: 'connect',
  title: 'flood of connections',
  begin: (site) => {
    const pace = { framesPerSecond: HANDSHAKES_PER_SECOND, framesMax: HANDSHAKES_MAX };
    return begin(site, { mode: 'connect', port: WEB.port, ...pace });
  },
};

const fragments: Condition = {
  id: 'fragments',
  title: 'flood of fragments',
  begin: (site, framesPerSecond) =>
    begin(site, { mode: 'fragments', port: WEB.port, framesPerSecond }),
};

/** More connections than there is room for: what comes after them is refused. */
const full: Condition = { ...connect, id: 'full', title: 'table full, and more connections' };

export interface Subject {
  readonly peer: Peer;
  readonly conditions: readonly Condition[];
}

const SMALL_TABLE = 16_384;

export const SUBJECTS: readonly Subject[] = [
  { peer: uvs('ring'), conditions: [calm, door, syn, connect, fragments] },
  {
    peer: {
      ...uvs('ring', ['--max-connections', String(SMALL_TABLE)]),
      id: 'uvs-small',
      title: `uvs, table of ${SMALL_TABLE}`,
    },
    conditions: [calm, full],
  },
  { peer: nftables, conditions: [calm, syn] },
  { peer: routing, conditions: [calm, syn] },
];

function synFlood(id: string, title: string, port: number): Condition {
  return {
    id,
    title,
    begin: (site, framesPerSecond) => begin(site, { mode: 'syn', port, framesPerSecond }),
  };
}

type Pace = Pick<Parameters<typeof Flood.start>[1], 'mode' | 'port' | 'framesPerSecond'> & {
  framesMax?: number;
};

async function begin(site: Site, pace: Pace): Promise<{ end(): Promise<number> }> {
  const target = site.peer.balances ? VIP : site.address(WEB);
  const flood = await Flood.start(site.lab, { ...pace, target, seconds: FLOOD_SECONDS });
  return {
    end: async () => {
      const { sent, seconds } = await flood.stop();
      return sent / seconds;
    },
  };
}
