import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cacheFolder } from '../../../bench/emulated/cache.js';
import { guestScript, quoted, SHARE, STATUS } from '../../../bench/emulated/guest.js';
import { initScript } from '../../../bench/emulated/initramfs.js';
import { emulatedProcessors } from '../../../bench/emulated/machine.js';
import { filesToLoad } from '../../../bench/emulated/modules.js';
import { qemuCommand, type Clock } from '../../../bench/emulated/qemu.js';
import { parseIpVsOptions } from '../../../bench/ipvs/options.js';
import { parseOptions } from '../../../bench/macro/options.js';

function command(clock: Clock, shareFolder = '/cache/share'): string[] {
  return qemuCommand({
    clock,
    kernelImage: '/k/vmlinuz',
    initramfs: '/k/init.cpio',
    shareFolder,
    lockFile: '/cache/lock',
    processors: emulatedProcessors(clock),
    memoryMb: 3072,
  });
}

/** What follows an option, as often as it is there. */
function valuesOf(words: readonly string[], option: string): string[] {
  return words.flatMap((word, index) => (word === option ? [words[index + 1]] : []));
}

describe('the modules of an emulated machine', () => {
  it('are loaded once each, none before what it needs', () => {
    const output = [
      'insmod /m/virtio_ring.ko ',
      'insmod /m/virtio.ko ',
      'builtin af_packet',
      'insmod /m/virtio_ring.ko ',
      'insmod /m/virtio.ko ',
      'insmod /m/9pnet.ko',
      '',
    ].join('\n');
    assert.deepEqual(filesToLoad(output), ['/m/virtio_ring.ko', '/m/virtio.ko', '/m/9pnet.ko']);
  });

  it('are loaded before anything is mounted', () => {
    const lines = initScript(['virtio.ko', '9p.ko']).split('\n');
    const at = (text: string) => lines.findIndex((line) => line.includes(text));
    assert.ok(at('virtio.ko') < at('9p.ko') && at('9p.ko') < at('mount -t 9p'));
    assert.match(lines[0], /^#!\/bin\/busybox sh$/);
  });
});

describe("QEMU's command line", () => {
  it('ends with its parent, and runs once at a time', () => {
    const words = command('host');
    assert.deepEqual(words.slice(0, 2), ['flock', '--no-fork']);
    assert.ok(words.includes('/cache/lock'));
    assert.deepEqual(valuesOf(words, '--pdeathsig'), ['KILL']);
  });

  it("shares the host's files for reading, and one folder for writing", () => {
    const [host, share] = valuesOf(command('host'), '-fsdev');
    assert.match(host, /path=\/,.*readonly=on/);
    assert.match(share, /path=\/cache\/share,/);
    assert.doesNotMatch(share, /readonly/);
    const [, comma] = valuesOf(command('host', '/a,b'), '-fsdev');
    assert.match(comma, /path=\/a,,b,/);
  });

  it("counts instructions on one processor, or follows the host's clock on some", () => {
    const counting = command('instructions');
    assert.equal(valuesOf(counting, '-icount').length, 1);
    assert.deepEqual(valuesOf(counting, '-smp'), ['1']);
    assert.deepEqual(valuesOf(command('host'), '-icount'), []);
  });
});

describe("the emulated machine's script", () => {
  const script = guestScript({
    version: '6.1.0-1-amd64',
    kernelFolder: '/cache/kernel',
    toolsFolder: '/cache/tools',
    modules: ['ip_vs conn_tab_bits=20'],
    folder: "/home/o'neil/uvs",
    command: ['/usr/bin/node', 'main.js', '--json', 'a b'],
    isTerminal: false,
  });

  it('is what a shell understands', () => {
    const { status, stderr } = spawnSync('bash', ['-n'], { input: script, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  });

  it('loads the modules with their parameters, then runs the program, then says how it ended', () => {
    const lines = script.split('\n');
    const at = (text: string) => lines.findIndex((line) => line.startsWith(text));
    const order = [
      at('modprobe ip_vs conn_tab_bits=20'),
      at(`cd '/home/o'\\''neil/uvs'`),
      at("/usr/bin/node main.js --json 'a b' >"),
      at(`echo $? > ${SHARE}/${STATUS}`),
    ];
    assert.ok(order[0] >= 0);
    assert.deepEqual(
      order.toSorted((a, b) => a - b),
      order,
    );
  });

  it('passes every word on as it is', () => {
    const words = ['plain', "it's", 'a b', '$HOME', '', '*', '`date`', 'back\\slash'];
    const line = `printf '%s\\n' ${words.map(quoted).join(' ')}`;
    const { stdout } = spawnSync('sh', ['-c', line], { encoding: 'utf8' });
    assert.deepEqual(stdout.split('\n').slice(0, -1), words);
  });
});

describe("the emulated machine's cache", () => {
  it('is where XDG_CACHE_HOME says, if that is a path', () => {
    assert.equal(cacheFolder({ XDG_CACHE_HOME: '/var/c' }), '/var/c/uvs/emulated');
    assert.match(cacheFolder({ XDG_CACHE_HOME: 'relative' }), /\/\.cache\/uvs\/emulated$/);
    assert.match(cacheFolder({}), /\/\.cache\/uvs\/emulated$/);
  });
});

describe('the command line of bench:ipvs', () => {
  it('has defaults that bench understands, with uvs and ip_vs among the peers', () => {
    for (const argv of [[], ['--quick'], ['--clock', 'host'], ['--quick', '--clock', 'host']]) {
      const options = parseOptions(parseIpVsOptions(argv).emulatedWords, 1);
      const ids = options?.peers.map(({ id }) => id) ?? [];
      assert.ok(ids.includes('ip_vs') && ids.includes('uvs-ring') && ids.includes('routing'));
    }
  });

  it("passes bench's options on, so that they count instead of the defaults", () => {
    const own = parseIpVsOptions(['--rounds', '7', '--axes=requests', '--table-bits', '20']);
    for (const words of [own.words, own.emulatedWords]) {
      const options = parseOptions(words, 1);
      assert.equal(options?.rounds, 7);
      assert.deepEqual(
        options?.axes.map(({ id }) => id),
        ['requests'],
      );
    }
  });

  it('leaves rounds and durations to bench where nothing is emulated', () => {
    const plain = [
      '--peers',
      parseOptions(parseIpVsOptions([]).words, 2)
        ?.peers.map(({ id }) => id)
        .join() ?? '',
    ];
    assert.deepEqual(
      parseOptions(parseIpVsOptions(['--quick']).words, 2)?.minutes,
      parseOptions([...plain, '--quick'], 2)?.minutes,
    );
    assert.equal(
      parseOptions(parseIpVsOptions([]).words, 2)?.rounds,
      parseOptions(plain, 2)?.rounds,
    );
  });

  it('keeps results of --quick apart, and goes by --json', () => {
    assert.notEqual(parseIpVsOptions([]).file, parseIpVsOptions(['--quick']).file);
    assert.equal(parseIpVsOptions(['--json', '/x.json']).file, '/x.json');
  });

  it('refuses what makes no sense, and says what would', () => {
    assert.throws(() => parseIpVsOptions(['--table-bits', '21']), /from 8 to 20, not '21'/);
    assert.throws(() => parseIpVsOptions(['--clock', 'sun']), /instructions or host, not 'sun'/);
    assert.throws(() => parseIpVsOptions(['--fast']), /--fast.*--help/);
  });
});
