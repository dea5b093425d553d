/**
 * Does a server's answer to a client come back through this host? A SYN in the client's name goes out to the server:
 *
 *     this host, as CLIENT:port ---- SYN ----> server
 *                    here again <- SYN, ACK -- server        or somewhere else
 *     this host, as CLIENT:port ---- RST ----> server        which forgets it, whatever became of its answer
 *
 * What comes back is nobody's connection: the client, or the kernel if the client's address is this host's, answers
 * it with RST. A port is asked at most twice.
 */
import { randomInt } from 'node:crypto';
import { connect } from 'node:net';
import { loadHalfIndexed, loadIndexHeaderLength } from '../../../../dataplane/sys/bpf.js';
import { PROTOCOL_TCP, destination, headerBytes, source } from '../../../../dataplane/wire/ipv4.js';
import { RST, SYN, sourcePort } from '../../../../dataplane/wire/tcp.js';
import { inquire } from './inquiry.js';
import { IP, isIpv4Of, tcpFrame, type Course } from './packets.js';

const PATIENCE = { attempts: 2, waitMs: 500 };
const CONNECT_MS = 1000;
/** Above what kernels give to programs by default. */
const PORT_MIN = 61_000;
const PORT_MAX = 65_535;

/** A server's port, and the client to ask in the name of. */
export interface Question {
  ifindex: number;
  course: Course;
  port: number;
}

/** Asks all at once. Resolves to those whose answers came back through this host. Throws SysError. */
export async function answeredHere<Q extends Question>(questions: readonly Q[]): Promise<Set<Q>> {
  const clientPort = randomInt(PORT_MIN, PORT_MAX);
  const sequence = randomInt(0, 0x7fff_ffff);
  const segment = (port: number, flags: number, offset: number) => ({
    sourcePort: clientPort,
    destinationPort: port,
    sequence: sequence + offset,
    flags,
  });
  const answers = await inquire({
    questions,
    ...PATIENCE,
    conditions: [
      ...isIpv4Of(PROTOCOL_TCP),
      { load: [loadIndexHeaderLength(IP), loadHalfIndexed(IP + 2)], value: clientPort },
    ],
    send: ({ ifindex, course, port }, sender) =>
      sender.send(ifindex, tcpFrame(course, segment(port, SYN, 0))),
    finish: ({ ifindex, course, port }, sender) =>
      sender.send(ifindex, tcpFrame(course, segment(port, RST, 1))),
    isAnswer: (frame, { course, port }) =>
      source(frame, IP) === course.destination &&
      destination(frame, IP) === course.source &&
      sourcePort(frame, IP + headerBytes(frame, IP)) === port,
  });
  return new Set(answers.keys());
}

export type Connection = 'open' | 'refused' | 'silent';

/** Connects as an ordinary program of this host, and hangs up. */
export function tryToConnect(address: string, port: number): Promise<Connection> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    socket.setTimeout(CONNECT_MS);
    const end = (result: Connection) => {
      socket.destroy();
      resolve(result);
    };
    socket.on('connect', () => end('open'));
    // On a busy host time may be up before anybody has looked at what came.
    socket.on('timeout', () => setImmediate(() => end('silent')));
    socket.on('error', ({ code }: NodeJS.ErrnoException) =>
      end(code === 'ECONNREFUSED' ? 'refused' : 'silent'),
    );
  });
}
