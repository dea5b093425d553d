import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { helpText, parseCommandLine } from '../../../src/director/command-line.js';
import { OPTION_NAMES, type Options } from '../../../src/director/options.js';
import { UsageError } from '../../../src/director/usage.js';
import { temporaryFolder } from '../control/memory-control.js';

function options(argv: string[], folder = '/home/me'): Options {
  const command = parseCommandLine(argv, folder);
  assert.ok('options' in command);
  return command.options;
}

function refused(argv: string[], message: RegExp, folder = '/home/me'): void {
  assert.throws(
    () => parseCommandLine(argv, folder),
    (error) => {
      assert.ok(error instanceof UsageError, String(error));
      assert.match(error.message, message);
      return true;
    },
  );
}

const DEFAULTS: Options = {
  interfaces: [],
  driver: 'ring',
  rules: null,
  stateDir: '/run/uvs',
  socket: '/run/uvs/control.sock',
  settings: {},
  masquerade: [],
  logLevel: 'info',
  logFormat: 'text',
  maxConnections: 2_097_152,
  onFailure: 'keep',
  fastPath: 'off',
  metrics: null,
  procfsDir: null,
};

describe('command line of uvsd', () => {
  it('needs nothing', () => {
    assert.deepEqual(parseCommandLine([]), { action: 'run', options: DEFAULTS });
  });

  it('takes every option, its value after a blank or an equals sign', () => {
    const expected: Options = {
      interfaces: ['eth0', 'eth1.7'],
      driver: 'ring',
      rules: '/etc/uvs/rules',
      stateDir: '/run/two',
      socket: '/run/two/s',
      settings: { secure_tcp: 3, sloppy_tcp: 1 },
      masquerade: ['10.2.0.0/24', '10.3.0.0/16'],
      logLevel: 'debug',
      logFormat: 'json',
      maxConnections: 1000,
      onFailure: 'release',
      fastPath: 'off',
      metrics: { host: '10.2.0.1', port: 9110 },
      procfsDir: '/run/proc',
    };
    const pairs = [
      ['--interface', 'eth0'],
      ['--interface', 'eth1.7'],
      ['--driver', 'ring'],
      ['--on-failure', 'release'],
      ['--rules', '/etc/uvs/rules'],
      ['--state-dir', '/run/two'],
      ['--socket', '/run/two/s'],
      ['--set', 'secure_tcp=3'],
      ['--set', 'sloppy_tcp=1'],
      ['--masquerade', '10.2.0.0/24'],
      ['--masquerade', '10.3.0.0/16'],
      ['--log-level', 'debug'],
      ['--log-format', 'json'],
      ['--max-connections', '1000'],
      ['--metrics', '10.2.0.1:9110'],
      ['--procfs-dir', '/run/proc'],
    ];
    assert.deepEqual(options(pairs.flat()), expected);
    assert.deepEqual(options(pairs.map((pair) => pair.join('='))), expected);
  });

  it('puts the socket into the state directory, and reads paths from where it is called', () => {
    assert.equal(options(['--state-dir', '/run/two']).socket, '/run/two/control.sock');
    assert.equal(options(['--rules', 'rules']).rules, '/home/me/rules');
    assert.equal(options(['--state-dir', '../s']).socket, '/home/s/control.sock');
  });

  it('counts an interface given twice once', () => {
    assert.deepEqual(options(['--interface', 'a', '--interface', 'a']).interfaces, ['a']);
  });

  it('takes the last of several values', () => {
    assert.equal(options(['--rules', 'a', '--rules', 'b']).rules, '/home/me/b');
    assert.deepEqual(options(['--set', 'secure_tcp=1', '--set', 'secure_tcp=2']).settings, {
      secure_tcp: 2,
    });
  });

  it('knows what else it may be asked to do', () => {
    assert.equal(parseCommandLine(['--check']).action, 'check');
    assert.equal(parseCommandLine(['--state-dir', '/x', '--cleanup']).action, 'cleanup');
    assert.deepEqual(parseCommandLine(['--version']), { action: 'version' });
    assert.deepEqual(parseCommandLine(['--help', '--check']), { action: 'help' });
    assert.deepEqual(parseCommandLine(['-h']), { action: 'help' });
  });

  it('says what is wrong and what is allowed', () => {
    refused(['--color'], /no option --color/);
    refused(['--toString'], /no option --toString/);
    refused(['eth0'], /can't make sense of "eth0"/);
    refused(['-i', 'eth0'], /can't make sense of "-i"/);
    refused(['--rules'], /--rules needs a value/);
    refused(['--check=yes'], /--check takes no value/);
    refused(['--check', '--cleanup'], /--check and --cleanup exclude each other/);
    refused(['--rules='], /--rules: "" won't do/);
    refused(['--interface', 'a b'], /--interface: "a b" won't do, it must be the name/);
    refused(['--interface', 'sixteen-letters-'], /--interface: "sixteen-letters-"/);
    refused(['--driver', 'xdp'], /--driver: "xdp" won't do, it must be ring/);
    refused(['--log-level', 'loud'], /"loud" won't do, it must be error or warn or info or debug/);
    for (const number of ['0', '-1', '1.5', '1e3', 'many', '', '16777217', '9'.repeat(30)]) {
      refused(
        [`--max-connections=${number}`],
        /--max-connections: .* whole number from 1 to 16777216/,
      );
    }
    for (const network of ['10.2.0.0', '10.2.0.0/33', '10.2.0/24', '::/0', '10.2.0.0/24/1']) {
      refused(['--masquerade', network], /an IPv4 network such as/);
    }
    refused(['--socket', `/${'x'.repeat(107)}`], /108 bytes long/);
  });

  it('knows the settings and their ranges', () => {
    refused(['--set', 'sloppy_tcp'], /--set: "sloppy_tcp" won't do, it must be .*NAME=VALUE/);
    refused(['--set', 'sloppy_tcp=yes'], /--set: .*"yes".* won't do/);
    refused(['--set', 'colour=1'], /no setting "colour"; there are .*conn_reuse_mode/);
    refused(['--set', '__proto__=1'], /no setting "__proto__"/);
    refused(['--set', 'secure_tcp=4'], /secure_tcp can't be 4, it must be from 0 to 3/);
  });

  it('says all that is wrong at once', () => {
    const words = ['--driver', 'steam', '--fly', 'high', 'up', '--socket', '/s', '--rules'];
    refused(
      words,
      /^--driver: "steam" .*\nthere is no option --fly.*\ncan't make sense of "up".*\n--rules needs a value$/,
    );
  });

  it('checks the rest where something is wrong, and knows where options come from', () => {
    const command = parseCommandLine(['--check', '--fly', '--rules', '/r', '--on-failure', 'x']);
    assert.ok(command.action === 'check');
    const { problems, origin } = command.findings;
    assert.equal(problems.lines.length, 2);
    assert.equal(command.options.rules, '/r');
    assert.equal(command.options.onFailure, 'keep');
    assert.equal(origin('rules'), '--rules');
  });

  it('describes every option in its help', () => {
    for (const name of [...OPTION_NAMES, 'config', 'check', 'cleanup', 'version', 'help']) {
      assert.match(helpText(), new RegExp(`^  --${name}\\b`, 'm'));
    }
  });
});

describe('configuration file of uvsd', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let file: string;

  beforeEach(() => {
    folder = temporaryFolder();
    mkdirSync(join(folder.path, 'etc'));
    file = join(folder.path, 'etc', 'uvsd.json');
  });
  afterEach(() => folder.remove());

  const write = (content: unknown): void => writeFileSync(file, JSON.stringify(content));
  const refuse = (content: unknown, message: RegExp): void => {
    write(content);
    refused(['--config', file], message);
  };

  it('has the command line’s names; its paths begin at its own folder', () => {
    write({
      interface: ['eth0'],
      driver: 'ring',
      rules: 'rules',
      'state-dir': '/run/two',
      socket: '/run/s',
      set: { secure_tcp: 3 },
      masquerade: ['10.2.0.0/24'],
      'log-level': 'warn',
      'log-format': 'json',
      'max-connections': 5,
      'fast-path': 'auto',
      metrics: '9110',
      'procfs-dir': 'proc',
    });
    assert.deepEqual(options(['--config', 'etc/uvsd.json'], folder.path), {
      interfaces: ['eth0'],
      driver: 'ring',
      rules: join(folder.path, 'etc', 'rules'),
      stateDir: '/run/two',
      socket: '/run/s',
      settings: { secure_tcp: 3 },
      masquerade: ['10.2.0.0/24'],
      logLevel: 'warn',
      logFormat: 'json',
      maxConnections: 5,
      fastPath: 'auto',
      onFailure: 'keep',
      metrics: { host: '127.0.0.1', port: 9110 },
      procfsDir: join(folder.path, 'etc', 'proc'),
    });
  });

  it('gives way to the command line, setting by setting', () => {
    write({ interface: ['eth0'], set: { secure_tcp: 3, sloppy_tcp: 1 }, 'log-level': 'warn' });
    const result = options(['--interface', 'eth1', '--set', 'secure_tcp=1', '--config', file]);
    assert.deepEqual(result, {
      ...DEFAULTS,
      interfaces: ['eth1'],
      settings: { secure_tcp: 1, sloppy_tcp: 1 },
      logLevel: 'warn',
    });
  });

  it('is refused with file, key, value and what is allowed', () => {
    refuse(
      { interfaces: [] },
      /uvsd\.json: .*no option "interfaces"; there are interface, driver, /,
    );
    refuse({ config: 'other' }, /uvsd\.json: .*no option "config"/);
    refuse(
      { 'max-connections': '5' },
      /uvsd\.json: max-connections: "5" won't do, it must be a whole number/,
    );
    refuse({ 'max-connections': 1.5 }, /uvsd\.json: max-connections: 1\.5 won't do/);
    refuse({ interface: 'eth0' }, /uvsd\.json: interface: "eth0" won't do, it must be an array/);
    refuse({ interface: ['eth0', 7] }, /uvsd\.json: interface: 7 won't do, it must be the name/);
    refuse({ rules: null }, /uvsd\.json: rules: null won't do, it must be the path/);
    refuse({ set: { secure_tcp: '1' } }, /uvsd\.json: set: \{"secure_tcp":"1"\} won't do/);
    refuse({ set: { colour: 1 } }, /uvsd\.json: set: there is no setting "colour"/);
    refuse([], /uvsd\.json: .*must be one JSON object/);
    refuse('text', /uvsd\.json: .*must be one JSON object/);
  });

  it('is refused with all that is wrong at once; a check looks at the rest', () => {
    write({ driver: 1, rules: 'r', fly: true });
    refused(['--config', file, '--nowhere'], /no option --nowhere.*\n.*: driver: .*\n.*"fly"/);
    const command = parseCommandLine(['--check', '--config', file]);
    assert.ok(command.action === 'check');
    assert.equal(command.findings.problems.lines.length, 2);
    assert.equal(command.options.rules, join(folder.path, 'etc', 'r'));
    assert.equal(command.findings.origin('rules'), `${file}: rules`);
  });

  it('is refused with the place where it is no JSON', () => {
    writeFileSync(file, '{\n  "driver": "ring"\n  "rules": "r"\n}');
    refused(['--config', file], /uvsd\.json:3:3: /);
    writeFileSync(file, '{\n  "driver": ring\n}');
    refused(['--config', file], /uvsd\.json: .*"driver": ring/);
  });

  it('is refused where it can’t be read', () => {
    refused(['--config', join(folder.path, 'none.json')], /can't read .*none\.json: .*ENOENT/);
  });
});
