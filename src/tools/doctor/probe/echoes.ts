/** Do packets of a certain size get to a server and back? Echo requests tell, as ping sends them. */
import { randomInt } from 'node:crypto';
import { loadHalfIndexed, loadIndexHeaderLength } from '../../../../dataplane/sys/bpf.js';
import { PROTOCOL_ICMP, source } from '../../../../dataplane/wire/ipv4.js';
import { inquire } from './inquiry.js';
import { ECHO_REPLY, IP, echoFrame, isIpv4Of, type Course } from './packets.js';

const PATIENCE = { attempts: 2, waitMs: 300 };
const IDENTIFIER_MAX = 0xffff;

export interface EchoQuestion {
  ifindex: number;
  course: Course;
  /** Of the whole IP packet, in bytes. */
  length: number;
}

/** Asks all at once. Resolves to those that were answered. Throws SysError. */
export async function echoed<Q extends EchoQuestion>(questions: readonly Q[]): Promise<Set<Q>> {
  const identifier = randomInt(1, IDENTIFIER_MAX);
  const answers = await inquire({
    questions,
    ...PATIENCE,
    conditions: [
      ...isIpv4Of(PROTOCOL_ICMP),
      { load: [loadIndexHeaderLength(IP), loadHalfIndexed(IP)], value: ECHO_REPLY << 8 },
      { load: [loadHalfIndexed(IP + 4)], value: identifier },
    ],
    send: ({ ifindex, course, length }, sender) =>
      sender.send(ifindex, echoFrame(course, identifier, length)),
    isAnswer: (frame, { course }) => source(frame, IP) === course.destination,
  });
  return new Set(answers.keys());
}
