/**
 * A TCP client that does as it is told: `node talker.mjs ADDRESS PORT`, then a word a line on standard input:
 * get (a request that keeps the connection), last (one after which the server closes), end (FIN), reset (RST).
 * Says what happens, a line each: connected PORT, data, end (the server's FIN), reset, error CODE.
 */
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const [address, port] = process.argv.slice(2);
const socket = connect({ host: address, port: Number(port), allowHalfOpen: true });
const say = (word) => process.stdout.write(`${word}\n`);

socket.on('connect', () => say(`connected ${socket.localPort}`));
socket.on('data', () => say('data'));
socket.on('end', () => say('end'));
socket.on('error', (error) => say(error.code === 'ECONNRESET' ? 'reset' : `error ${error.code}`));
socket.on('close', () => process.exit());

const request = (connection) => `GET / HTTP/1.1\r\nHost: vip\r\nConnection: ${connection}\r\n\r\n`;
const actions = {
  get: () => socket.write(request('keep-alive')),
  last: () => socket.write(request('close')),
  end: () => socket.end(),
  reset: () => socket.resetAndDestroy(),
};
createInterface({ input: process.stdin }).on('line', (word) => actions[word]());
