import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import { carryOut, isDone, makePlan, planLines, planSummary } from '../../../src/rules/plan.js';
import { runRules, RulesError } from '../../../src/rules/rules-file.js';
import { wantedBy } from '../../../src/rules/wanted.js';
import type { VirtualServer } from '../../../src/virtual-server/virtual-server.js';
import { Clock, testDirector } from '../../support/director.js';

const PRESENT = `
-A -t 10.1.0.100:80 -s wrr
-a -t 10.1.0.100:80 -r 10.2.0.1:80 -m -w 1
-a -t 10.1.0.100:80 -r 10.2.0.2:80 -m -w 1 -x 100 -y 50
-a -t 10.1.0.100:80 -r 10.2.0.3:80 -m -w 1
-A -t 10.1.0.100:443 -s rr
-a -t 10.1.0.100:443 -r 10.2.0.1:443 -m
`;

const WANTED = `
# Another order is no difference.
-A -t 10.1.0.100:8080 -s rr
-a -t 10.1.0.100:8080 -r 10.2.0.7 -m
-a -t 10.1.0.100:8080 -r 10.2.0.8 -m
-A -t 10.1.0.100:80 -s wlc -p 60
-a -t 10.1.0.100:80 -r 10.2.0.4:80 -m -w 3
-a -t 10.1.0.100:80 -r 10.2.0.2:80 -m -w 5
-a -t 10.1.0.100:80 -r 10.2.0.1:80 -m
`;

describe('from the rules there are to those of a file', () => {
  let director: VirtualServer;

  beforeEach(async () => {
    director = testDirector(new Clock());
    await runRules('present', PRESENT, director);
  });

  it('leads a list of changes in ipvsadm’s words, with what was', async () => {
    const plan = await makePlan(await wantedBy('wanted', WANTED), director);
    assert.deepEqual(await planLines(plan), [
      '- -D -t 10.1.0.100:443   (1 server, 0 connections)',
      '+ -A -t 10.1.0.100:8080 -s rr',
      '+ -a -t 10.1.0.100:8080 -r 10.2.0.7:8080 -m -w 1',
      '+ -a -t 10.1.0.100:8080 -r 10.2.0.8:8080 -m -w 1',
      '~ -E -t 10.1.0.100:80 -s wlc -p 60   (was -s wrr)',
      '- -d -t 10.1.0.100:80 -r 10.2.0.3:80   (0 connections)',
      '+ -a -t 10.1.0.100:80 -r 10.2.0.4:80 -m -w 3',
      '~ -e -t 10.1.0.100:80 -r 10.2.0.2:80 -m -w 5   (was -w 1 -x 100 -y 50)',
    ]);
    assert.equal(
      planSummary(plan),
      '1 service added, 1 service edited, 1 service deleted, ' +
        '3 servers added, 1 server edited, 1 server deleted',
    );
  });

  it('says so where something is only added to what was', async () => {
    const persistent = PRESENT.replace('-s rr', '-s rr -p 300');
    const plan = await makePlan(await wantedBy('wanted', persistent), director);
    assert.deepEqual(await planLines(plan), [
      '~ -E -t 10.1.0.100:443 -s rr -p 300   (was without -p 300)',
    ]);
  });

  it('is carried out, and then there is nothing left to do', async () => {
    const wanted = await wantedBy('wanted', WANTED);
    await carryOut(await makePlan(wanted, director), director);
    assert.ok(isDone(await makePlan(wanted, director)));
  });

  it('sets timeouts that the file names, and keeps those it doesn’t', async () => {
    const wanted = await wantedBy('wanted', `${PRESENT}\n--set 300 0 0\n--set 0 60 0\n`);
    const plan = await makePlan(wanted, director);
    assert.deepEqual(await planLines(plan), ['~ --set 300 60 300   (was --set 900 120 300)']);
    assert.equal(planSummary(plan), 'timeouts set');
    await carryOut(plan, director);
    assert.deepEqual(await director.timeouts(), {
      tcpSeconds: 300,
      tcpFinSeconds: 60,
      udpSeconds: 300,
    });
    assert.ok(isDone(await makePlan(wanted, director)));
    assert.ok(isDone(await makePlan(await wantedBy('wanted', PRESENT), director)));
  });

  it('refuses rules that are wrong with file and line', async () => {
    await assert.rejects(
      wantedBy('FILE', `${WANTED}-a -t 10.9.9.9:80 -r 10.2.0.1 -m\nnonsense\n`),
      {
        name: RulesError.name,
        message: /^FILE:10: Service not defined\nFILE:11: ./,
      },
    );
  });
});
