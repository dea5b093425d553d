import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { connect } from '../../../src/control/client.js';
import { serveControl, type ControlServer } from '../../../src/control/server.js';
import { runRules } from '../../../src/rules/rules-file.js';
import { run, type DrainOptions } from '../../../src/tools/drain.js';
import type { VirtualServer } from '../../../src/virtual-server/virtual-server.js';
import { Clock, destinationKey, serviceKey, testDirector } from '../../support/director.js';
import { temporaryFolder } from '../control/memory-control.js';

const RULES = `-A -t 10.1.0.100:80 -s rr
-a -t 10.1.0.100:80 -r 10.2.0.3:80 -m -w 1
-a -t 10.1.0.100:80 -r 10.2.0.2:80 -m -w 3 -x 100 -y 50
-A -t 10.1.0.100:443 -s rr -p 60
-a -t 10.1.0.100:443 -r 10.2.0.2:443 -m -w 1
-A -t 10.1.0.100:22 -s rr
-a -t 10.1.0.100:22 -r 10.2.0.2:22 -m -w 0
`;

describe('uvs drain', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let director: VirtualServer;
  let server: ControlServer;
  let stdout: string;
  let stderr: string;
  /** Called with each piece of output. */
  let onOutput: (text: string) => void;

  beforeEach(async () => {
    folder = temporaryFolder();
    director = testDirector(new Clock());
    await runRules('rules', RULES, director);
    server = await serveControl({ path: join(folder.path, 'control.sock'), control: director });
    onOutput = () => {};
  });

  afterEach(async () => {
    await server.close();
    folder.remove();
  });

  async function drain(words: string, options: DrainOptions = {}): Promise<number> {
    stdout = '';
    stderr = '';
    return run(words.split(' ').filter(Boolean), {
      stdout: {
        write: (text) => {
          stdout += text;
          onOutput(text);
        },
      },
      stderr: { write: (text) => (stderr += text) },
      isTerminal: false,
      lookIntervalMs: 1,
      open: () => connect(join(folder.path, 'control.sock')),
      ...options,
    });
  }

  async function weights(): Promise<string[]> {
    const services = await director.services();
    return services.map(({ port, destinations }) => {
      return `${port}: ${destinations.map(({ weight }) => weight).join(' ')}`;
    });
  }

  /** Connections, all active, and templates come to server 2 of a service, or go from it. */
  function come(port: number, connections: number, templates = 0): void {
    const { state } = director;
    const destination = destinationOf(port);
    for (let i = 0; i < connections; i++) {
      state.destinations.bind(destination, false);
      state.destinations.activate(destination);
    }
    for (let i = 0; i < templates; i++) state.destinations.bind(destination, true);
  }

  function go(port: number, connections: number, templates = 0): void {
    const { state } = director;
    const destination = destinationOf(port);
    for (let i = 0; i < connections; i++) state.destinations.unbind(destination, false, false);
    for (let i = 0; i < templates; i++) state.destinations.unbind(destination, true, true);
  }

  /** Server 2 is the one added last. */
  function destinationOf(port: number): number {
    const { services } = director.state;
    for (let s = 1; s <= services.highWater; s++) {
      if (services.port(s) === port) return services.first(s);
    }
    return 0;
  }

  it('sets weight 0 wherever the server is, and says what is left and how to undo it', async () => {
    come(80, 3);
    come(443, 1, 2);
    assert.equal(await drain('10.2.0.2'), 0);
    assert.deepEqual(await weights(), ['80: 0 1', '443: 0', '22: 0']);
    assert.deepEqual(stdout.split('\n').slice(0, 7), [
      'SERVICE         SERVER        WEIGHT  ACTIVE  INACTIVE  TEMPLATES',
      '10.1.0.100:80   10.2.0.2:80   3 -> 0       3         0          0',
      '10.1.0.100:443  10.2.0.2:443  1 -> 0       1         0          2',
      '10.1.0.100:22   10.2.0.2:22        0       0         0          0',
      'to put it back:',
      '  uvsadm -e -t 10.1.0.100:80 -r 10.2.0.2:80 -m -w 3 -x 100 -y 50',
      '  uvsadm -e -t 10.1.0.100:443 -r 10.2.0.2:443 -m -w 1',
    ]);
    assert.match(stdout, /clients with a template .*\n`uvs set expire_quiescent_template=1` /);
  });

  it('keeps to one port, and to one service', async () => {
    assert.equal(await drain('10.2.0.2:443'), 0);
    assert.deepEqual(await weights(), ['80: 3 1', '443: 0', '22: 0']);
    assert.equal(await drain('--service 10.1.0.100:80 10.2.0.2'), 0);
    assert.deepEqual(await weights(), ['80: 0 1', '443: 0', '22: 0']);
    assert.doesNotMatch(stdout, /443|template /);
  });

  it('waits until the last connection and template have gone', async () => {
    come(80, 2);
    come(443, 0, 1);
    const steps = [() => go(80, 1), () => go(80, 1), () => go(443, 0, 1)];
    onOutput = (text) => {
      if (text.endsWith(' left\n')) steps.shift()?.();
    };
    assert.equal(await drain('--wait 10.2.0.2'), 0);
    assert.deepEqual(stdout.trimEnd().split('\n').slice(-4), [
      '2 active and 0 inactive connections, 1 template left',
      '1 active and 0 inactive connections, 1 template left',
      '0 active and 0 inactive connections, 1 template left',
      'nobody uses 10.2.0.2 any more',
    ]);
  });

  it('doesn’t wait for connections that both sides have closed', async () => {
    const states = ['FIN_WAIT', 'TIME_WAIT'];
    const { state } = director;
    for (const _ of states) state.destinations.bind(destinationOf(80), false);
    const entry = {
      protocol: 'TCP',
      family: 'inet' as const,
      clientAddress: '10.1.0.2',
      clientPort: 5000,
      virtualAddress: '10.1.0.100',
      virtualPort: 80,
      destinationAddress: '10.2.0.2',
      destinationPort: 80,
      expiresSeconds: 100,
    };
    const others = [
      { ...entry, destinationAddress: '10.2.0.3', state: 'ESTABLISHED' },
      { ...entry, virtualPort: 443, state: 'ESTABLISHED' },
      { ...entry, clientPort: 0, state: 'ASSURED' },
    ];
    director.connections = async function* () {
      yield [...others, ...states.map((name) => ({ ...entry, state: name }))];
    };
    onOutput = (text) => {
      if (text === '0 active and 2 inactive connections left\n') states[0] = 'CLOSE';
    };
    assert.equal(await drain('--wait 10.2.0.2:80'), 0);
    assert.match(stdout, /\n0 active and 2 inactive connections left\nnobody uses .*\n$/);
  });

  it('doesn’t wait for templates that bring nobody back', async () => {
    await director.setSetting('expire_quiescent_template', 1);
    come(443, 0, 1);
    assert.equal(await drain('--wait 10.2.0.2'), 0);
    assert.doesNotMatch(stdout, /uvs set/);
  });

  it('rewrites one line on a terminal', async () => {
    come(80, 1);
    onOutput = (text) => {
      if (text.includes('1 active')) go(80, 1);
    };
    assert.equal(await drain('--wait 10.2.0.2', { isTerminal: true }), 0);
    assert.ok(
      stdout.endsWith(
        '\r\u001b[K1 active and 0 inactive connections left\nnobody uses 10.2.0.2 any more\n',
      ),
    );
  });

  it('gives up after a while, and leaves the weight 0', async () => {
    come(80, 1);
    assert.equal(await drain('--timeout 0 10.2.0.2:80'), 1);
    assert.match(
      stdout,
      /\ntimed out: the weight stays 0, 1 active and 0 inactive connections left\n$/,
    );
    assert.deepEqual(await weights(), ['80: 0 1', '443: 1', '22: 0']);
  });

  it('is interrupted, and leaves the weight 0', async () => {
    come(80, 1);
    const interruption = new AbortController();
    onOutput = (text) => {
      if (text.endsWith(' left\n')) interruption.abort();
    };
    const options = { interruption: interruption.signal, lookIntervalMs: 60_000 };
    assert.equal(await drain('--wait 10.2.0.2:80', options), 130);
    assert.match(
      stdout,
      /\ninterrupted: the weight stays 0, 1 active and 0 inactive connections left\n$/,
    );
    assert.deepEqual(await weights(), ['80: 0 1', '443: 1', '22: 0']);
  });

  it('notices that somebody gives the weight back, or takes the server away', async () => {
    come(80, 1);
    onOutput = (text) => {
      if (text.endsWith(' left\n'))
        void runRules('', '-e -t 10.1.0.100:80 -r 10.2.0.2 -m -w 9', director);
    };
    assert.equal(await drain('--wait 10.2.0.2:80'), 1);
    assert.match(
      stderr,
      /^uvs drain: 10\.2\.0\.2:80 of 10\.1\.0\.100:80 was given weight 9 meanwhile/,
    );
    onOutput = (text) => {
      if (text.endsWith(' left\n'))
        void director.deleteDestination(serviceKey(80), destinationKey(2));
    };
    assert.equal(await drain('--wait 10.2.0.2:80'), 1);
    assert.match(stderr, /^uvs drain: 10\.2\.0\.2:80 of 10\.1\.0\.100:80 was deleted meanwhile/);
  });

  it('prints JSON for programs', async () => {
    come(80, 1);
    assert.equal(await drain('--json --timeout 0 10.2.0.2:80'), 1);
    const answer = JSON.parse(stdout);
    assert.equal(answer.drained, false);
    assert.deepEqual(answer.servers, [
      {
        service: serviceKey(80),
        server: destinationKey(2),
        weightBefore: 3,
        active: 1,
        inactive: 0,
        templates: 0,
      },
    ]);
    assert.deepEqual(answer.restore, [
      'uvsadm -e -t 10.1.0.100:80 -r 10.2.0.2:80 -m -w 3 -x 100 -y 50',
    ]);
    go(80, 1);
    assert.equal(await drain('--json --wait 10.2.0.2:80'), 0);
    assert.equal(JSON.parse(stdout).drained, true);
    assert.deepEqual(JSON.parse(stdout).restore, []);
  });

  it('says where the server is none', async () => {
    assert.equal(await drain('10.2.0.9'), 1);
    assert.match(stderr, /^uvs drain: 10\.2\.0\.9 is no real server of any service; see /);
    assert.equal(await drain('--service 10.1.0.100:443 10.2.0.3:80'), 1);
    assert.match(stderr, /10\.2\.0\.3:80 is no real server of the service 10\.1\.0\.100:443/);
    assert.deepEqual(await weights(), ['80: 3 1', '443: 1', '22: 0']);
  });

  it('wants a server, an address for a service and seconds', async () => {
    for (const words of [
      '',
      '1 2',
      '80',
      '--service x:y 10.2.0.2',
      '--timeout=-1 10.2.0.2',
      '-x 1',
    ]) {
      assert.equal(await drain(words), 2, words);
      assert.match(stderr, /^uvs drain: .*\nTry `uvs drain --help`\.\n$/);
    }
    assert.equal(await drain('--help'), 0);
    assert.match(stdout, /^Usage: uvs drain /);
  });

  it('says that there is no director, and what to do', async () => {
    await server.close();
    assert.equal(await drain('10.2.0.2'), 1);
    assert.match(
      stderr,
      /^uvs drain: No director at .*\nStart one with uvsd, or set UVS_SOCKET\n$/,
    );
  });
});
