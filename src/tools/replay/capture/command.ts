/** `uvs replay --rules RULES --pcap FILE`: what a director with these rules does with captured traffic. */
import { statSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { openCapture } from '../../../../dataplane/driver/capture/open.js';
import { CaptureError, type CaptureReader } from '../../../../dataplane/driver/capture/reader.js';
import { PcapWriter } from '../../../../dataplane/driver/capture/writer.js';
import { ipv4FromText } from '../../../control/ipv4.js';
import { ControlError } from '../../../control/api.js';
import { UsageError } from '../../../director/usage.js';
import { CaptureDirector } from './director.js';
import { explainJson, explainText } from './explain.js';
import type { CaptureOptions } from './options.js';
import { Progress, type Terminal } from './progress.js';
import { summaryText, Tally } from './summary.js';

const EXIT_OK = 0;
/** No packet was a service's, or the captured director did something else. */
const EXIT_DIFFER = 1;
/** The command line, the rules or a file are wrong. */
const EXIT_BAD_INPUT = 2;
/** As a shell says of a command that Ctrl-C ended. */
const EXIT_INTERRUPTED = 130;

/** Packets between two turns of the event loop: signals and slow readers have theirs. */
const PACKETS_PER_TURN = 1024;

/** Standard output, which can be slow: `write` resolves when there is room for more. */
export interface CaptureStreams {
  write: (text: string) => void | Promise<void>;
  stderr: Terminal;
  /** Aborted by Ctrl-C. */
  interrupt: AbortSignal;
}

/** Resolves to the exit status. */
export async function replayCapture(
  options: CaptureOptions,
  streams: CaptureStreams,
): Promise<number> {
  let reader: CaptureReader | null = null;
  let writer: PcapWriter | null = null;
  try {
    const locals = options.local.map(localAddress);
    reader = openCapture(options.pcap);
    reader.keepsOutgoing = true;
    if (options.out !== null) writer = openOutput(options.out, [options.pcap, options.rules]);
    const director = new CaptureDirector({
      describes: options.explain,
      takeFrame: frameWriter(reader, writer),
    });
    await director.loadRules(options.rules, locals);
    for (const setting of options.set) await applySetting(director, setting);
    const status = await play(director, reader, options, streams);
    writer?.close();
    return status;
  } catch (error) {
    if (!isInputProblem(error)) throw error;
    streams.stderr.write(`uvs replay: ${error.message}\n`);
    return EXIT_BAD_INPUT;
  } finally {
    reader?.close();
    writer?.close();
  }
}

async function play(
  director: CaptureDirector,
  reader: CaptureReader,
  options: CaptureOptions,
  streams: CaptureStreams,
): Promise<number> {
  const tally = new Tally();
  const damage = await readAll(director, reader, tally, options, streams);
  const interrupted = streams.interrupt.aborted;
  tally.passedOver += reader.passedOver;
  const summary = await tally.summary(director, interrupted);
  if (!options.json) await streams.write(summaryText(summary));
  else await streams.write(`${JSON.stringify(summary, null, options.explain ? 0 : 1)}\n`);
  if (damage !== null) throw damage;
  if (interrupted) return EXIT_INTERRUPTED;
  return tally.concernsRules && summary.own.differs === 0 ? EXIT_OK : EXIT_DIFFER;
}

/** What was read before damage counts as well, so damage is returned and told after it. */
async function readAll(
  director: CaptureDirector,
  reader: CaptureReader,
  tally: Tally,
  { pcap, explain, json }: CaptureOptions,
  { write, stderr, interrupt }: CaptureStreams,
): Promise<CaptureError | null> {
  const progress = new Progress(stderr, statSync(pcap).size);
  const explanation = json ? explainJson : explainText;
  let lines = '';
  const turn = async (): Promise<void> => {
    progress.show(reader.position, director.packets);
    if (lines !== '') {
      progress.clear();
      await write(lines);
      lines = '';
    }
    await nextTurn();
  };
  try {
    for (let i = 1; !interrupt.aborted && reader.next(false); i++) {
      if (reader.onLoopback) tally.passedOver += 1;
      else {
        const outcome = director.packet(reader);
        tally.count(outcome);
        if (explain) lines += explanation(outcome);
      }
      if (i % PACKETS_PER_TURN === 0) await turn();
    }
    return null;
  } catch (error) {
    if (error instanceof CaptureError) return error;
    throw error;
  } finally {
    await turn();
    progress.clear();
  }
}

/** Sent frames have the time of the packet that caused them. */
function frameWriter(reader: CaptureReader, writer: PcapWriter | null) {
  return (memory: Uint8Array, offset: number, captured: number, length: number): void =>
    writer?.write(memory, offset, captured, reader.seconds, reader.nanoseconds, length);
}

/** @throws UsageError for a file that would be overwritten while it is read */
function openOutput(path: string, inputs: readonly string[]): PcapWriter {
  const there = statSync(path, { throwIfNoEntry: false });
  for (const input of inputs) {
    const { dev, ino } = statSync(input);
    if (there?.dev === dev && there.ino === ino) {
      throw new UsageError(`--out ${path} is the same file as ${input}`);
    }
  }
  return new PcapWriter(path);
}

function localAddress(text: string): number {
  const address = ipv4FromText(text);
  if (address === undefined) throw new UsageError(`--local: '${text}' is no IPv4 address`);
  return address;
}

async function applySetting(director: CaptureDirector, text: string): Promise<void> {
  const [, name, value] = /^([^=]+)=([+-]?\d+)$/.exec(text) ?? [];
  if (name === undefined) throw new UsageError(`--set: '${text}' is not NAME=VALUE`);
  try {
    await director.server.setSetting(name, Number(value));
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    throw new UsageError(`--set: ${error.message}`);
  }
}

/** What the user can put right: wrong rules, a damaged capture, a file that can't be read or written. */
function isInputProblem(error: unknown): error is Error {
  const isSystemError = typeof (error as NodeJS.ErrnoException).syscall === 'string';
  return error instanceof UsageError || error instanceof CaptureError || isSystemError;
}
