/**
 * Every recording of a Linux director's answers, replayed. Those of families and features that aren't built yet
 * must be reported as such.
 */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { readScenarios } from '../../src/tools/replay/files.js';
import { replay } from '../../src/tools/replay/replay.js';
import { scenarioReport } from '../../src/tools/replay/report.js';

const RECORDINGS = fileURLToPath(new URL('recordings', import.meta.url));

/** Recordings, or families of them, that need what isn't built yet, and how the replay says so. */
const NOT_BUILT: Readonly<Record<string, RegExp>> = {
  dr: /-g/,
  tun: /-i/,
  fwm: /firewall marks/,
  udp: /UDP/,
  v6: /IPv6/,
  'admin-edit-fwd': /-g/,
  'admin-trash-nd1': /-g/,
  'cli-add-server-bad': /-g/,
  'cli-daemon-args': /sync daemon/,
  'cli-dup-service': /UDP/,
  'cli-edit-server': /-g/,
  'cli-list-options': /UDP/,
  'cli-ports-by-name': /UDP/,
  'cli-portzero-dest': /-g/,
  'cli-rand-add': /UDP/,
  'cli-rand-del': /UDP/,
  'cli-rand-dels': /UDP/,
  'cli-rand-edit': /UDP/,
  'cli-rand-list': /UDP/,
  'cli-rand-zero': /UDP/,
  'cli-same-dest-kinds': /-g/,
  'cli-sorting': /UDP/,
  'cli-tun-options': /-i/,
  'cli-wide': /-i/,
  'miss-schedicmp1': /schedule_icmp/,
  'sched-lblc-fwm': /firewall marks/,
  'sched-lblcr-fwm': /firewall marks/,
};

describe('recordings of ip_vs and ipvsadm', () => {
  for (const { scenario, place } of readScenarios([RECORDINGS])) {
    const { name, family, about } = scenario;
    const notBuilt = NOT_BUILT[name] ?? NOT_BUILT[family];
    it(`${name}: ${about}`, async () => {
      const result = await replay(scenario, place);
      if (notBuilt === undefined) {
        const report = scenarioReport(result, { verbose: false, all: false });
        assert.equal(result.verdict, 'agrees', `\n${report}`);
      } else {
        assert.equal(result.verdict, 'unsupported');
        assert.match(result.reason ?? '', notBuilt);
      }
    });
  }
});
