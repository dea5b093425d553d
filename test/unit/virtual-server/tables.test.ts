import assert from 'node:assert/strict';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Capacity } from '../../../dataplane/state.js';
import {
  openTables,
  setTablesAside,
  tablesIdentity,
  viewTables,
  type OpenedTables,
} from '../../../src/virtual-server/tables.js';
import { VirtualServer } from '../../../src/virtual-server/virtual-server.js';
import {
  destinationKey,
  destinationSettings,
  serviceKey,
  serviceSettings,
} from '../../support/director.js';

const CAPACITY: Capacity = { connections: 1000, services: 100, destinations: 200 };
const SERVICE = serviceKey();
const SETTINGS = serviceSettings({ scheduler: 'wlc' });
const SERVER = destinationKey(11);
const SERVER_SETTINGS = destinationSettings({ weight: 5, upperThreshold: 7, lowerThreshold: 3 });

describe('tables in files', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'uvs-tables-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  function open(capacity = CAPACITY): { tables: OpenedTables; server: VirtualServer } {
    const tables = openTables(directory, capacity);
    const { memory } = tables;
    const server = new VirtualServer({
      hashKey: [1, 2],
      clock: () => 0,
      capacity: tables.capacity,
      memory,
    });
    server.rebuild();
    return { tables, server };
  }

  async function fill(): Promise<void> {
    const { server } = open();
    await server.addService(SERVICE, SETTINGS);
    await server.addDestination(SERVICE, SERVER, SERVER_SETTINGS);
    await server.setTimeouts({ tcpSeconds: 77, tcpFinSeconds: 0, udpSeconds: 0 });
    await server.setSetting('sloppy_tcp', 1);
  }

  const file = (name: string): string => join(directory, name);

  it('hold services, servers, timeouts and settings for the next one that opens them', async () => {
    await fill();
    const { tables, server } = open();
    assert.deepEqual([tables.areTakenOver, tables.notes], [true, []]);
    const [service] = await server.services();
    assert.deepEqual([service.address, service.scheduler], ['10.1.0.100', 'wlc']);
    const [{ address, weight, upperThreshold }] = service.destinations;
    assert.deepEqual([address, weight, upperThreshold], ['10.2.0.11', 5, 7]);
    assert.equal((await server.timeouts()).tcpSeconds, 77);
    assert.equal((await server.settings())['sloppy_tcp'], 1);
  });

  it('are new and without anything to tell at first, and readable by their owner only', () => {
    const { tables } = open();
    assert.deepEqual([tables.areTakenOver, tables.notes], [false, []]);
    for (const name of readdirSync(directory)) {
      assert.equal(statSync(file(name)).mode & 0o077, 0, name);
    }
  });

  it('take hardly any room before they are used', () => {
    open({ ...CAPACITY, connections: 10_000_000 });
    const blocks = readdirSync(directory).reduce(
      (sum, name) => sum + statSync(file(name)).blocks,
      0,
    );
    assert.ok(statSync(file('connections')).size > 600e6);
    assert.ok(blocks * 512 < 20e6, `${blocks * 512} bytes`);
  });

  it('can be looked at by another process, and say when they are other files', async () => {
    await fill();
    const before = tablesIdentity(directory);
    const { memory, capacity } = viewTables(directory, CAPACITY);
    assert.equal(capacity.connections, 1000);
    assert.equal(new Int32Array(memory.services.buffer)[5], 1, 'high-water mark of services');
    open();
    assert.equal(tablesIdentity(directory), before);
    setTablesAside(directory, ['connections']);
    open();
    assert.notEqual(tablesIdentity(directory), before);
  });

  for (const [what, damage] of Object.entries<(name: string) => void>({
    'cut short': (name) => truncateSync(name, 4096),
    foreign: (name) => writeFileSync(name, Buffer.alloc(1 << 20, 'not yours ')),
    'of an older layout': (name) => changeWord(name, 2, 0),
    'damaged in its header': (name) => changeWord(name, 5, -7),
  })) {
    it(`are kept aside and said to be where the table of connections is ${what}`, async () => {
      await fill();
      damage(file('connections'));
      const { tables, server } = open();
      assert.match(tables.notes.join('\n'), /table connections can't be used: .*\nkept aside: /);
      assert.ok(existsSync(file('connections.aside')));
      assert.equal((await server.services()).length, 1, 'services are still there');
    });

    it(`go together where the table of services is ${what}`, async () => {
      await fill();
      damage(file('services'));
      const { tables, server } = open();
      assert.equal(tables.areTakenOver, false);
      assert.deepEqual(await server.services(), []);
      assert.ok(existsSync(file('connections.aside')), 'they name servers that are gone');
      assert.equal((await server.timeouts()).tcpSeconds, 77);
    });
  }

  it('are of no use after the host was started anew', async () => {
    await fill();
    writeFileSync(file('boot'), 'another one');
    const { tables, server } = open();
    assert.match(tables.notes[0], /earlier boot/);
    assert.deepEqual(await server.services(), []);
    assert.equal(readFileSync(file('boot'), 'utf8').length, 37);
  });

  it('grow and shrink with --max-connections, but not below what was used', async () => {
    await fill();
    assert.equal(open({ ...CAPACITY, connections: 5000 }).tables.capacity.connections, 5000);
    assert.equal(open({ ...CAPACITY, connections: 500 }).tables.capacity.connections, 500);
    changeWord(file('connections'), 5, 400);
    const { tables, server } = open({ ...CAPACITY, connections: 300 });
    assert.equal(tables.capacity.connections, 500);
    assert.match(tables.notes[0], /stays at 500: 400 records/);
    assert.equal((await server.services()).length, 1);
  });
});

/** Changes a word of a table's header. */
function changeWord(name: string, word: number, value: number): void {
  const bytes = readFileSync(name);
  bytes.writeInt32LE(value, word * 4);
  writeFileSync(name, bytes);
}
