import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../../lab/host.js';
import { serverAddress, VIP } from '../../lab/plan.js';
import { makeTestFile, type TestFile } from '../../lab/traffic.js';
import { Director } from '../../lab/director.js';
import { useLab } from './support/setting.js';

const PORT = 2049;
const SERVICE = `${VIP}:${PORT}`;
const FILE_BYTES = 50_000_000;
const READY_TIMEOUT_MS = 30_000;

describe('NFS through the virtual address', () => {
  const setting = useLab();
  let file: TestFile;

  before(async () => {
    const { lab, directorHost } = setting;
    file = makeTestFile(lab, 'large', FILE_BYTES);
    await Promise.all(
      [1, 2]
        .map((n) => lab.host(`server${n}`))
        .map((host) => startNfsServer(host, lab.dataFolder())),
    );
    setting.director = await Director.start(directorHost);
    // One client's connections to the same server: it knows what the client has open.
    const lines = [1, 2].map((n) => `-a -t ${SERVICE} -r ${serverAddress(n)}:${PORT} -m`);
    const rules = [`-A -t ${SERVICE} -s rr -p 600`, ...lines, ''].join('\n');
    await setting.director.adm('-R', { input: rules });
  });

  it('lists the documents', async () => {
    const listing = await setting.client.output('nfs-ls', [url('')]);
    assert.match(listing, new RegExp(` ${FILE_BYTES} ${file.name}$`, 'm'));
  });

  it('reads a file as it is', async () => {
    const command = `nfs-cat '${url(file.name)}' | sha256sum`;
    assert.equal(await setting.client.output('sh', ['-c', command]), `${file.sha256}  -\n`);
  });

  it('reads it from the other server once the first one is taken out', async () => {
    const first = await server();
    await setting.director.adm(`-d -t ${SERVICE} -r ${first}:${PORT}`);
    const command = `nfs-cat '${url(file.name)}' | sha256sum`;
    assert.equal(await setting.client.output('sh', ['-c', command]), `${file.sha256}  -\n`);
    const other = first === serverAddress(1) ? serverAddress(2) : serverAddress(1);
    assert.equal(await server(), other);
  });

  /** Address of the server that has the client, by the template: connections that were reset are soon gone. */
  async function server(): Promise<string | undefined> {
    const listing = await setting.director.adm('-Lnc');
    return / 10\.1\.0\.2:0 +10\.1\.0\.100:2049 +([\d.]+):2049$/m.exec(listing)?.[1];
  }
});

function url(name: string): string {
  return `nfs://${VIP}/documents/${name}?version=4`;
}

/** A server in user space that shows a folder as /documents. */
async function startNfsServer(host: Host, folder: string): Promise<void> {
  const configuration = join(host.folder, 'ganesha.conf');
  writeFileSync(
    configuration,
    `NFS_CORE_PARAM {
  Protocols = 4;
  NFS_Port = ${PORT};
  Enable_NLM = false;
  Enable_RQUOTA = false;
}
NFSv4 { Graceless = true; }
EXPORT {
  Export_Id = 1;
  Path = ${folder};
  Pseudo = /documents;
  Access_Type = RW;
  Squash = None;
  SecType = sys;
  Transports = TCP;
  FSAL { Name = VFS; }
}
`,
  );
  const pidFile = join(host.folder, 'ganesha.pid');
  const options = ['-F', '-L', 'STDERR', '-f', configuration, '-p', pidFile];
  const server = host.daemon('nfs', 'ganesha.nfsd', options);
  await server.logged(/NFS SERVER INITIALIZED/, READY_TIMEOUT_MS);
}
