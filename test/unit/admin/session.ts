/** Runs command lines on a fake director and keeps what they print. */
import { runCommand, type Context } from '../../../src/admin/run.js';
import { NO_NAMES, type Names } from '../../../src/admin/names.js';
import type { Input } from '../../../src/admin/restore.js';
import { FakeDirector } from './fake-director.js';

export interface Result {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export class Session {
  readonly director = new FakeDirector();
  names: Names = NO_NAMES;
  programName = 'ipvsadm';

  /** Runs `ipvsadm LINE`; words are separated by blanks, '' is an empty word, _ a blank in a word. */
  run(line: string, input: Input = ''): Promise<Result> {
    return this.runWords(wordsOf(line), input);
  }

  runWords(words: string[], input: Input = ''): Promise<Result> {
    return this.collect((context) => runCommand(words, input, context));
  }

  async collect(run: (context: Context) => Promise<number>): Promise<Result> {
    const result = { exitCode: -1, stdout: '', stderr: '' };
    result.exitCode = await run({
      control: this.director,
      names: this.names,
      stdout: { write: (text) => void (result.stdout += text) },
      stderr: { write: (text) => void (result.stderr += text) },
      programName: this.programName,
      version: '1.2.3',
    });
    return result;
  }
}

function wordsOf(line: string): string[] {
  const words = line.split(' ').filter((word) => word !== '');
  return words.map((word) => (word === "''" ? '' : word.replaceAll('_', ' ')));
}

const HOST_NAMES = new Map([
  ['10.1.0.100', 'vip.example'],
  ['10.2.0.2', 'web1'],
  ['fd00:1::100', 'vip6.example'],
  ['10.5.5.5', 'a-name-much-longer-than-thirty-three-characters.example.org'],
  ['10.5.5.6', 'n456789012345678901234567890123456789012345678901234567'],
]);
const HOST_ADDRESSES = new Map([['web1', '10.2.0.2']]);
const SERVICE_PORTS = new Map([
  ['http/tcp', 80],
  ['domain/udp', 53],
]);
const SERVICE_NAMES = new Map([
  ['80/tcp', 'http'],
  ['53/udp', 'domain'],
  ['8080/tcp', 'http-alt'],
]);

/** A few hosts and services that have names. */
export const SOME_NAMES: Names = {
  hostAddress: async (host) => HOST_ADDRESSES.get(host) ?? null,
  hostName: async (address) => HOST_NAMES.get(address) ?? null,
  servicePort: async (service, protocol) => SERVICE_PORTS.get(`${service}/${protocol}`) ?? null,
  serviceName: async (port, protocol) => SERVICE_NAMES.get(`${port}/${protocol}`) ?? null,
};
