import assert from 'node:assert/strict';
import { sharesOf } from '../../../bench/profile/cpu-profile.js';
import { groupOf, shortName, systemCallOf, type Frame } from '../../../bench/profile/groups.js';
import { parseProfileOptions } from '../../../bench/profile/options.js';
import { parseStacks, parseSummary } from '../../../bench/profile/perf.js';
import { profileText, type Profile } from '../../../bench/profile/report.js';
import { bySystemCall, folded, grouped, withScripts } from '../../../bench/profile/shares.js';

const KERNEL = '[kernel.kallsyms]';
const MAP = '/tmp/perf-9784.map';

const SCRIPT = `node  9784 
	ffffffff82203249 _raw_spin_unlock_irqrestore (${KERNEL})
	ffffffff81e3513e sock_def_readable (${KERNEL})
	ffffffff820369a2 tcp_v4_rcv (${KERNEL})
	ffffffff82151dc3 packet_sendmsg (${KERNEL})
	ffffffff81e3215d __x64_sys_sendmmsg (${KERNEL})
	          10b106 __sendmmsg (/usr/lib/x86_64-linux-gnu/libc.so.6)
	           87244 [unknown] (/x/node_modules/@koromix/koffi-linux-x64/linux_x64/koffi.node)

node  9784 
	    7f983e861321 JS:*process file:///x/dist/dataplane/engine/client-side.js:44:10 (${MAP})
	         14ce0dc Builtins_JSEntryTrampoline (/usr/bin/node)

node  9784 
	          c494db v8::internal::(anonymous namespace)::Invoke (/usr/bin/node)
`;

function node(id: number, functionName: string, url: string, children: number[]) {
  return { id, callFrame: { functionName, url, lineNumber: 8 }, children };
}

function stack(...frames: [symbol: string, object: string][]): Frame[] {
  return frames.map(([symbol, object]) => ({ symbol, object }));
}

describe('a profile by perf', () => {
  it('is read from what perf prints, whatever is in the names', () => {
    const stacks = parseStacks(SCRIPT);
    assert.deepEqual(
      stacks.map((frames) => [frames.length, frames[0].symbol, frames[0].object]),
      [
        [7, '_raw_spin_unlock_irqrestore', KERNEL],
        [2, 'JS:*process file:///x/dist/dataplane/engine/client-side.js:44:10', MAP],
        [1, 'v8::internal::(anonymous namespace)::Invoke', '/usr/bin/node'],
      ],
    );
    assert.equal(systemCallOf(stacks[0]), 'sendmmsg');
    assert.equal(systemCallOf(stacks[1]), null);
  });

  it('says which part a moment belongs to', () => {
    const sending: [string, string][] = [
      ['packet_sendmsg', KERNEL],
      ['__x64_sys_sendmmsg', KERNEL],
    ];
    const expected: [string, Frame[]][] = [
      ['waking', parseStacks(SCRIPT)[0]],
      ['engine', parseStacks(SCRIPT)[1]],
      ['runtime', parseStacks(SCRIPT)[2]],
      ['copies', stack(['_copy_from_iter', KERNEL], ...sending)],
      ['copies', stack(['__pi_memcpy', KERNEL], ['tpacket_rcv', KERNEL], ...sending)],
      ['receiving', stack(['read_tsc', KERNEL], ['tpacket_rcv', KERNEL], ...sending)],
      ['sending', stack(['__alloc_skb', KERNEL], ...sending)],
      ['devices', stack(['veth_xmit', KERNEL], ...sending)],
      ['stack', stack(['kfree', KERNEL], ['tcp_ack', KERNEL], ...sending)],
      ['waiting', stack(['finish_task_switch', KERNEL], ['__schedule', KERNEL])],
      ['fast-path', stack(['bpf_prog_6deef7357e7b4530_forward', 'bpf_prog_6deef7357e7b4530'])],
      ['kernel', stack(['fget', KERNEL], ['__x64_sys_read', KERNEL])],
      ['driver', stack(['JS:*receive file:///x/dist/dataplane/driver/ring.js:9:1', MAP])],
      ['driver', stack(['JS:^burst file:///x/dist/dataplane/loop.js:9:1', MAP])],
      ['engine', stack(['JS:~choose file:///x/dist/scheduler/rr.js:9:1', MAP])],
      ['garbage', stack(['v8::internal::Scavenger::ScavengePage', '/usr/bin/node'])],
      ['native', stack(['[unknown]', '/x/node_modules/koffi/koffi.node'])],
      ['unknown', stack(['[unknown]', '[unknown]'])],
    ];
    for (const [group, frames] of expected) assert.equal(groupOf(frames), group, frames[0].symbol);
  });

  it('names functions for people', () => {
    assert.equal(
      shortName(parseStacks(SCRIPT)[1][0]),
      'process dataplane/engine/client-side.js:44',
    );
    assert.equal(shortName({ symbol: 'do_softirq.part.0', object: KERNEL }), 'do_softirq');
  });

  it('is added up by group, by function and by system call', () => {
    const shares = [
      { group: 'driver', name: 'a', weight: 1 },
      { group: 'engine', name: 'b', weight: 2 },
      { group: 'driver', name: 'c', weight: 5 },
    ];
    assert.deepEqual(grouped(shares, 1), [
      { title: 'engine (JavaScript)', share: 0.25, top: [{ name: 'b', share: 0.25 }] },
      {
        title: 'driver, loop and pacing (JavaScript)',
        share: 0.75,
        top: [{ name: 'c', share: 0.625 }],
      },
    ]);
    const stacks = parseStacks(SCRIPT);
    assert.deepEqual(bySystemCall(stacks), [['sendmmsg', 1 / 3]]);
    const last = folded([stacks[1], stacks[1]]);
    assert.equal(last, 'Builtins_JSEntryTrampoline;process dataplane/engine/client-side.js:44 2\n');
  });

  it('divides JavaScript as V8 does, and leaves its sum as it is', () => {
    const byPerf = [
      { group: 'driver', name: 'burst', weight: 10 },
      { group: 'copies', name: 'memcpy', weight: 30 },
    ];
    const byV8 = [
      { group: 'driver', name: 'burst', weight: 300 },
      { group: 'engine', name: 'process', weight: 100 },
      { group: 'native', name: 'from flush', weight: 7 },
    ];
    assert.deepEqual(withScripts(byPerf, byV8), [
      { group: 'copies', name: 'memcpy', weight: 30 },
      { group: 'driver', name: 'burst', weight: 7.5 },
      { group: 'engine', name: 'process', weight: 2.5 },
    ]);
    assert.deepEqual(withScripts(byPerf, []), byPerf);
  });
});

describe("a profile by Node's own profiler", () => {
  it('counts the time of functions, names who called into C, and leaves idle time out', () => {
    const profile = {
      nodes: [
        node(1, '(root)', '', [2, 3, 5, 6]),
        node(2, '(idle)', '', []),
        node(3, 'flush', 'file:///x/dist/dataplane/driver/send-queue.js', [4]),
        node(4, 'mmap', '', []),
        node(5, '(garbage collector)', '', []),
        node(6, 'process', 'file:///x/dist/dataplane/engine.js', []),
      ],
      samples: [2, 3, 4, 4, 5, 6],
      timeDeltas: [1000, 10, 20, 30, 40, 50],
    };
    assert.deepEqual(sharesOf(profile), [
      { group: 'driver', name: 'flush dataplane/driver/send-queue.js:9', weight: 10 },
      { group: 'native', name: 'from flush dataplane/driver/send-queue.js:9', weight: 50 },
      { group: 'garbage', name: '(garbage collector)', weight: 40 },
      { group: 'engine', name: 'process dataplane/engine.js:9', weight: 50 },
    ]);
  });
});

describe('a profile as text', () => {
  const run = {
    outcome: { values: { rate: 1000 }, work: 5000 },
    cpu: { userMs: 100, systemMs: 300 },
    elapsedMs: 1000,
  };
  const profile: Profile = {
    title: 'uvs',
    axis: {
      metrics: [{ key: 'rate', unit: 'requests/s', better: 'more', digits: 0 }],
      work: { unit: 'request', timeUnit: 'µs' },
    },
    profiler: 'perf',
    plain: run,
    sampled: {
      ...run,
      samples: 4,
      shares: [
        { group: 'engine', name: 'process', weight: 1 },
        { group: 'copies', name: 'memcpy', weight: 3 },
      ],
      inCalls: [['sendmmsg', 0.75]],
    },
    traced: {
      ...run,
      result: {
        calls: parseSummary(
          '   syscall            calls  errors  total       min       avg       max       stddev\n' +
            '   sendmmsg           400      0   80.000     0.017     0.061    15.217      2.70%\n',
        ),
        frames: { received: 8000, sent: 8000, bursts: 200 },
        seconds: 2,
      },
    },
  };

  it('divides the time that was taken, and the calls by bursts and frames', () => {
    const lines = profileText(profile, 1)
      .split('\n')
      .map((line) => line.trim().replaceAll(/ {2,}/g, ' | '));
    for (const expected of [
      "Where the data plane's time goes (perf, 4 samples)",
      'busy for 40 % of the time: 10 % in its programs, 30 % in the kernel',
      'engine (JavaScript) | 25.0 % | 20.0',
      'kernel: copies | 75.0 % | 60.0',
      'In system calls: sendmmsg 75.0 %',
      'sendmmsg | 200 | 2.00 | 20.0 | 200.0',
      '100 bursts/s of 40.0 frames',
    ]) {
      assert.ok(lines.includes(expected), `${expected}\n${lines.join('\n')}`);
    }
  });

  it('says so where system calls could not be counted', () => {
    const text = profileText({ ...profile, traced: { reason: 'no perf' } }, 1);
    assert.match(text, /System calls were not counted: no perf/);
  });
});

describe('the command line of the profile', () => {
  it('takes an axis and one way to run uvs, and refuses the others', () => {
    const options = parseProfileOptions(['--axis', 'packets', '--peer', 'uvs-pcap']);
    assert.deepEqual([options?.axis.id, options?.peer.id], ['packets', 'uvs-pcap']);
    assert.throws(() => parseProfileOptions(['--peer', 'haproxy']), /no peer 'haproxy'.*uvs-ring/);
    assert.throws(() => parseProfileOptions(['--profiler', 'gprof']), /no profiler 'gprof'/);
    assert.throws(
      () => parseProfileOptions(['--profiler', 'node', '--stacks', 'x']),
      /--stacks needs perf/,
    );
    assert.equal(parseProfileOptions(['--help']), null);
  });
});
