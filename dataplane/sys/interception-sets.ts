/** What the sets of interception hold (interception.ts), and arithmetic with it. */
export type SetName = 'virtual_endpoints' | 'virtual_hosts' | 'real_endpoints' | 'real_hosts';

/** An address (int32 in host order) and a TCP port; port 0 stands for all ports. */
export interface Endpoint {
  address: number;
  port: number;
}

export interface Endpoints {
  /** Destinations of the clients' packets. */
  virtual: readonly Endpoint[];
  /** Sources of the servers' packets. */
  real: readonly Endpoint[];
}

/** What each set holds, as numbers: address and port of a pair, or the address alone. */
export type Elements = Record<SetName, Set<number>>;

export const SET_NAMES: SetName[] = [
  'virtual_endpoints',
  'virtual_hosts',
  'real_endpoints',
  'real_hosts',
];

/** Changes `into`: takes out what is less, then takes in what is more. */
export function merge(into: Elements, more: Elements, less: Elements): Elements {
  for (const name of SET_NAMES) {
    for (const number of less[name]) into[name].delete(number);
    for (const number of more[name]) into[name].add(number);
  }
  return into;
}

export function mapSets(setOf: (name: SetName) => Set<number>): Elements {
  return {
    virtual_endpoints: setOf('virtual_endpoints'),
    virtual_hosts: setOf('virtual_hosts'),
    real_endpoints: setOf('real_endpoints'),
    real_hosts: setOf('real_hosts'),
  };
}

export function isPairs(name: SetName): boolean {
  return name === 'virtual_endpoints' || name === 'real_endpoints';
}

export function elementsOf({ virtual, real }: Endpoints): Elements {
  return {
    virtual_endpoints: new Set(virtual.filter(({ port }) => port !== 0).map(pairNumber)),
    virtual_hosts: new Set(virtual.filter(({ port }) => port === 0).map(hostNumber)),
    real_endpoints: new Set(real.filter(({ port }) => port !== 0).map(pairNumber)),
    real_hosts: new Set(real.filter(({ port }) => port === 0).map(hostNumber)),
  };
}

function pairNumber({ address, port }: Endpoint): number {
  return (address >>> 0) * 0x1_0000 + port;
}

function hostNumber({ address }: Endpoint): number {
  return address >>> 0;
}

/** Keys as the kernel compares them: 4 bytes of address; of a pair 2 bytes of port and 2 of zeros more. */
export function keysOf(name: SetName, numbers: ReadonlySet<number>): Uint8Array[] {
  return [...numbers].map((number) => {
    const key = Buffer.alloc(isPairs(name) ? 8 : 4);
    if (isPairs(name)) key.writeUIntBE(number, 0, 6);
    else key.writeUInt32BE(number);
    return key;
  });
}

export function difference(a: Elements, b: Elements): Elements {
  return mapSets((name) => new Set([...a[name]].filter((number) => !b[name].has(number))));
}
