/**
 * `probe.js ADDRESS PORT`: for each line of standard input, a number of seconds, sends small HTTP requests one after
 * the other on one connection, with plain blocking calls, so that no event loop stands between the answer and the
 * clock. Prints a line with the number of this piece and a Probe as JSON: "1: {...}".
 */
import { createInterface } from 'node:readline';
import { check } from '../../../dataplane/sys/errors.js';
import {
  close,
  connect,
  recvfrom,
  sendto,
  setsockoptInt,
  socket,
} from '../../../dataplane/sys/libc.js';
import { ipv4Bytes } from './addresses.js';
import { histogramOf, type Histogram } from '../histogram.js';

export interface Probe {
  exchanges: number;
  times: Histogram;
}

const AF_INET = 2;
const SOCK_STREAM = 1;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const WARM_UP = 100;
const EXCHANGES_MAX = 1_000_000;

class Connection {
  private readonly answer = new Uint8Array(4096);
  private readonly request: Uint8Array;
  /** Bytes of an answer; all are alike. */
  private answerBytes = 0;

  constructor(
    private readonly fd: number,
    host: string,
  ) {
    this.request = Buffer.from(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  }

  static open(address: string, port: number): Connection {
    const fd = check('socket', socket(AF_INET, SOCK_STREAM, 0));
    check('setsockopt', setsockoptInt(fd, IPPROTO_TCP, TCP_NODELAY, 1));
    // struct sockaddr_in: family 2, port 2 (big-endian), address 4, zeros 8
    const name = new Uint8Array(16);
    name.set([AF_INET, 0, port >> 8, port & 0xff, ...ipv4Bytes(address)]);
    check('connect', connect(fd, name));
    return new Connection(fd, address);
  }

  exchange(): void {
    check('send', sendto(this.fd, this.request, this.request.length, 0));
    let received = 0;
    do {
      const count = check('recv', recvfrom(this.fd, this.answer, this.answer.length, 0));
      if (count === 0) throw new Error('the server closed the connection');
      received += count;
    } while (received < this.answerBytes);
    this.answerBytes = received;
  }

  close(): void {
    close(this.fd);
  }
}

/** One piece: a fresh connection, and exchanges for so many seconds. */
function probe(address: string, port: number, seconds: number): Probe {
  const connection = Connection.open(address, port);
  for (let i = 0; i < WARM_UP; i++) connection.exchange();
  let count = 0;
  let before = performance.now();
  const end = before + seconds * 1000;
  while (before < end && count < EXCHANGES_MAX) {
    connection.exchange();
    const after = performance.now();
    samples[count++] = (after - before) * 1000;
    before = after;
  }
  connection.close();
  return { exchanges: count, times: histogramOf(samples.subarray(0, count)) };
}

const samples = new Float64Array(EXCHANGES_MAX);
const [address, port] = process.argv.slice(2);
let pieces = 0;
for await (const seconds of createInterface({ input: process.stdin })) {
  const answer = probe(address, Number(port), Number(seconds));
  pieces += 1;
  process.stdout.write(`${pieces}: ${JSON.stringify(answer)}\n`);
}
