/** With --probe: do packets as large as the route allows get to each server and back? */
import { echoed, type EchoQuestion } from '../probe/echoes.js';
import { reachableServers } from '../probe/reach.js';
import { int32 } from '../host.js';
import type { Check } from '../check.js';

const SMALL_BYTES = 64;
const QUESTIONS_MAX = 200;

export const probeMtu: Check = {
  name: 'probe-mtu',
  async run({ host, gateway }, findings) {
    if (gateway.source === 'nothing') return;
    if (!host.powers.netRaw) {
      findings.unchecked('sending large packets takes CAP_NET_RAW');
      return;
    }
    const servers = await reachableServers(host, gateway, QUESTIONS_MAX);
    const questions = servers.map(({ server, way, mac }) => ({
      ifindex: way.link.ifindex,
      course: {
        sourceMac: way.link.mac,
        destinationMac: mac,
        source: host.addressOf(way.link, way.nextHop),
        destination: int32(server.address),
      },
      length: way.mtu,
      server,
      way,
    })) satisfies EchoQuestion[];
    const large = await echoed(questions);
    const rest = questions.filter((question) => !large.has(question));
    const small = rest.map((question) => ({ ...question, length: SMALL_BYTES }));
    // One that answers no echo request at all can't be judged.
    const answered = rest.length === 0 ? new Set() : await echoed(small);
    for (const question of small.filter((one) => answered.has(one))) {
      const { server, way } = question;
      findings.warning(
        `packets of ${way.mtu} bytes, the MTU of ${way.link.name}, don't get to server ${server.address} and back, small ones ` +
          'do: large transfers may stall',
        `ip link set INTERFACE mtu ${way.mtu}  # on ${server.address}, or on a switch or tunnel between`,
      );
    }
    if (findings.isEmpty && large.size > 0) {
      findings.ok(`${large.size} servers get packets as large as the MTU, and theirs arrive`);
    }
  },
};
