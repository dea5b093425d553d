/** Tables with many servers and established connections, as a data plane leaves them. */
import { INPUT, OUTPUT } from '../../dataplane/conn/states.js';
import { DEFAULT_CAPACITY } from '../../dataplane/state.js';
import { ACK, SYN } from '../../dataplane/wire/tcp.js';
import { VIP } from '../../lab/plan.js';
import { ipv4FromText } from '../../src/control/ipv4.js';
import { openTables } from '../../src/virtual-server/tables.js';
import { VirtualServer } from '../../src/virtual-server/virtual-server.js';
import { hostClock } from '../../src/worker/host-clock.js';
import { destinationSettings, serviceKey, serviceSettings } from '../../test/support/director.js';

export interface Size {
  readonly servers: number;
  readonly connections: number;
}

const TCP = 6;
const VIRTUAL_ADDRESS = ipv4FromText(VIP) ?? 0;
const SERVERS_PER_SERVICE = 100;
const FIRST_SERVICE_PORT = 10_000;
const FIRST_CLIENT = 0x6440_0000;
const FIRST_CLIENT_PORT = 1024;
const CLIENT_PORTS = 60_000;

/** Connections are spread evenly over the servers, and these over services of a hundred. */
export async function fillTables(directory: string, { servers, connections }: Size): Promise<void> {
  const { memory, capacity } = openTables(directory, DEFAULT_CAPACITY);
  const server = new VirtualServer({ hashKey: [1, 2], clock: hostClock, memory, capacity });
  for (let i = 0; i < servers; i++) {
    const service = serviceKey(FIRST_SERVICE_PORT + serviceOf(i), VIP);
    if (i % SERVERS_PER_SERVICE === 0) {
      await server.addService(service, serviceSettings({ scheduler: 'wlc' }));
    }
    const address = `10.${3 + (i >> 16)}.${(i >> 8) & 0xff}.${i & 0xff}`;
    const key = { family: 'inet' as const, address, port: 80 };
    await server.addDestination(service, key, destinationSettings());
  }
  for (let i = 0; i < connections; i++) connect(server, i, i % servers);
}

function serviceOf(server: number): number {
  return Math.floor(server / SERVERS_PER_SERVICE);
}

function connect({ engine }: VirtualServer, client: number, server: number): void {
  const { lifecycle } = engine;
  const address = FIRST_CLIENT + Math.floor(client / CLIENT_PORTS);
  const port = FIRST_CLIENT_PORT + (client % CLIENT_PORTS);
  const virtualPort = FIRST_SERVICE_PORT + serviceOf(server);
  const c = lifecycle.create(
    TCP,
    address,
    port,
    VIRTUAL_ADDRESS,
    virtualPort,
    1 + server,
    80,
    false,
  );
  lifecycle.transition(c, INPUT, SYN);
  lifecycle.transition(c, OUTPUT, SYN | ACK);
  lifecycle.transition(c, INPUT, ACK);
  lifecycle.startTimer(c, hostClock());
}
