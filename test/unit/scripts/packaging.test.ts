import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { join } from 'node:path';
import { parseCommandLine } from '../../../src/director/command-line.js';
import { checkConfig } from '../../../src/director/config.js';
import { wantedBy } from '../../../src/rules/wanted.js';

const PACKAGING = join(import.meta.dirname, '../../../packaging');
const CONFIG = 'etc/uvs/uvsd.json';

function packaged(file: string): string {
  return readFileSync(join(PACKAGING, file), 'utf8');
}

/** Settings of the unit: a list of values by name, in their order. */
function unitSettings(): Map<string, string[]> {
  const settings = new Map<string, string[]>();
  for (const [, name, value] of packaged('systemd/uvsd.service').matchAll(/^(\w+)=(.*)$/gm)) {
    settings.set(name, [...(settings.get(name) ?? []), value]);
  }
  return settings;
}

describe('what is installed with uvs', () => {
  it('is a configuration file that is right', () => {
    const values = checkConfig(`/${CONFIG}`, packaged(CONFIG), '/etc/uvs');
    assert.deepEqual(values, { rules: '/etc/uvs/rules' });
  });

  it('is a file of rules that asks for nothing, and whose examples are right', async () => {
    const text = packaged('etc/uvs/rules');
    assert.deepEqual((await wantedBy('rules', text)).services, []);
    const { services } = await wantedBy('rules', text.replaceAll(/^# -/gm, '-'));
    assert.deepEqual(
      services.map(({ address, destinations }) => [address, destinations.length]),
      [['10.1.0.100', 2]],
    );
  });

  it('is a unit whose options uvsd understands', () => {
    const [environment] = unitSettings().get('Environment') ?? [];
    const words = /^"UVSD_OPTIONS=(.*)"$/.exec(environment)?.[1].split(' ') ?? [];
    assert.deepEqual(words, ['--config', `/${CONFIG}`]);
    const example = /^#UVSD_OPTIONS="--config \S+ (.*)"$/m.exec(packaged('etc/default/uvsd'))?.[1];
    assert.equal(parseCommandLine(example?.split(' ') ?? ['--nothing']).action, 'run');
  });

  it('is a unit that leaves the data plane at work but when it is stopped', () => {
    const settings = unitSettings();
    const one = (name: string): string => (settings.get(name) ?? []).join();
    assert.equal(one('KillMode'), 'process');
    assert.equal(one('KillSignal'), 'SIGTERM');
    assert.equal(one('RestartKillSignal'), 'SIGUSR2');
    assert.equal(one('RuntimeDirectoryPreserve'), 'yes');
    assert.equal(one('CapabilityBoundingSet'), 'CAP_NET_ADMIN CAP_NET_RAW');
    assert.deepEqual(settings.get('ExecReload'), ['uvs upgrade', 'kill -HUP $MAINPID']);
  });
});
