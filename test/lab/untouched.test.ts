import assert from 'node:assert/strict';
import { VIP } from '../../lab/plan.js';
import { makeTestFile, requestSeries } from '../../lab/traffic.js';
import { WebServer } from '../../lab/webserver.js';
import { serviceRules, SERVICE, URL, useDirector } from './support/setting.js';

const OTHER_PORT = 8080;

describe('what is not ours stays with the kernel:', () => {
  const setting = useDirector({
    uvsd: ['--masquerade', '10.2.0.0/24'],
    rules: serviceRules('-s rr'),
  });
  before(async () => {
    const { lab, client, directorHost } = setting;
    await WebServer.start(lab, directorHost, { port: OTHER_PORT });
    await WebServer.start(lab, client, { port: OTHER_PORT });
  });
  // Everything below happens beside traffic of the service.
  beforeEach(async () => {
    assert.equal((await requestSeries(setting.client, URL, 30)).length, 30);
  });

  it("TCP to the director's own port on the VIP and on its other addresses", async () => {
    for (const address of [VIP, '10.1.0.1', '10.2.0.1']) {
      const url = `http://${address}:${OTHER_PORT}/`;
      assert.deepEqual(await requestSeries(setting.client, url, 1), ['director']);
    }
    const inside = await requestSeries(serverHost(), `http://10.2.0.1:${OTHER_PORT}/`, 1);
    assert.deepEqual(inside, ['director']);
  });

  it('TCP to a port of the VIP where nobody listens is refused by the kernel', async () => {
    const result = await setting.client.run('curl', ['-sS', `http://${VIP}:81/`]);
    assert.equal(result.exit, 7);
    assert.match(result.stderr, /refused|Couldn't connect/);
  });

  it("the director's own connections to the servers of the service, such as health checks", async () => {
    const { directorHost } = setting;
    const own = ['--max-time', '5', 'http://10.2.0.11/'];
    assert.equal(await directorHost.output('curl', ['--silent', '--fail', ...own]), 'server1\n');
  });

  it('ping to the VIP, to the director and through it', async () => {
    for (const address of [VIP, '10.1.0.1', '10.2.0.11']) {
      const output = await setting.client.output('ping', ['-c', '3', '-i', '0.05', address]);
      assert.match(output, /3 received, 0% packet loss/);
    }
  });

  it("ARP for the VIP, answered with the director's own hardware address", async () => {
    const { client, directorHost } = setting;
    await client.output('ip', ['neigh', 'flush', 'dev', 'lan0']);
    await client.output('ping', ['-c', '1', VIP]);
    const neighbour = await client.output('ip', ['neigh', 'show', VIP]);
    const mac = await directorHost.output('cat', ['/sys/class/net/ext0/address']);
    assert.ok(neighbour.includes(`lladdr ${mac.trim()}`), neighbour);
  });

  it("UDP to the service's own address and port number, and through the director", async () => {
    const { client, directorHost } = setting;
    for (const [host, address] of [
      [directorHost, VIP],
      [serverHost(), '10.2.0.11'],
    ] as const) {
      const echo = host.spawn(process.execPath, ['-e', UDP_ECHO, address]);
      await echo.output(/ready/);
      const answer = await client.output(process.execPath, ['-e', UDP_ASK, address]);
      assert.equal(answer, 'echo of hello');
      await echo.stop();
    }
  });

  it("a client's direct, routed way to a server's port", async () => {
    const file = makeTestFile(setting.lab, 'direct', 50_000_000);
    for (const n of [1, 2, 3]) {
      const url = `http://10.2.0.1${n}/`;
      assert.deepEqual(await requestSeries(setting.client, url, 1), [`server${n}`]);
      const command = `curl --silent --fail ${url}files/${file.name} | sha256sum`;
      const sum = await setting.client.output('sh', ['-c', command]);
      assert.equal(sum, `${file.sha256}  -\n`);
    }
  });

  it("the servers' way to each other and to the director", async () => {
    const answers = await requestSeries(serverHost(), 'http://10.2.0.12/', 1);
    assert.deepEqual(answers, ['server2']);
    await serverHost().output('ping', ['-c', '1', '10.2.0.1']);
  });

  it("the servers' own way out, under the director's address", async () => {
    const url = `http://10.1.0.2:${OTHER_PORT}/whoami`;
    assert.deepEqual(await requestSeries(serverHost(), url, 20), Array(20).fill('10.1.0.1'));
    // Also from the very port that the service uses there.
    const { client } = setting;
    const args = ['-sS', '--fail', '--local-port', '1080', url];
    assert.equal(await serverHost().output('curl', args), '10.1.0.1\n');
    assert.equal(await client.output('curl', ['-s', `${URL}whoami`]), '10.1.0.2\n');
  });

  it('and after all this the service has lost nothing', async () => {
    assert.match(await setting.director.adm('-Ln'), new RegExp(`TCP  ${SERVICE} rr`));
    assert.equal((await requestSeries(setting.client, URL, 300)).length, 300);
  });

  function serverHost() {
    return setting.lab.host('server1');
  }
});

describe("the servers' own way out without --masquerade", () => {
  const setting = useDirector({ rules: serviceRules('-s rr') });

  it('is plainly forwarded under their own address', async () => {
    const { lab, client } = setting;
    await WebServer.start(lab, client, { port: OTHER_PORT });
    const url = `http://10.1.0.2:${OTHER_PORT}/whoami`;
    assert.deepEqual(await requestSeries(lab.host('server3'), url, 5), Array(5).fill('10.2.0.13'));
  });
});

const UDP_PORT = 80;

const UDP_ECHO = `
  const socket = require('node:dgram').createSocket('udp4');
  socket.on('message', (text, from) => socket.send('echo of ' + text, from.port, from.address));
  socket.bind(${UDP_PORT}, process.argv[1], () => console.log('ready'));
`;

const UDP_ASK = `
  const socket = require('node:dgram').createSocket('udp4');
  socket.on('message', (text) => { process.stdout.write(text); socket.close(); });
  socket.send('hello', ${UDP_PORT}, process.argv[1]);
`;
