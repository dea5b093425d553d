/** `uvs trace`: live, what a running director decides about packets, and why. */
import { once } from 'node:events';
import type { Control } from '../control/api.js';
import {
  TRACE_FRAME_BYTES_MAX,
  TRACE_FRAME_BYTES_MIN,
  TRACE_RATE_MAX,
  type TraceReport,
  type TraceRequest,
} from '../control/trace.js';
import {
  parseWords,
  runTool,
  UsageError,
  withDirector,
  type CommandOptions,
  type Explained,
} from './command.js';
import { EXIT_FAILURE, EXIT_OK } from './exit-codes.js';
import { Interrupter } from './interrupter.js';
import { TraceCapture } from './trace/capture.js';
import { lineOf } from './trace/line.js';
import {
  ANEW_TEXT,
  beginText,
  leftOutText,
  packetJson,
  summaryJson,
  summaryText,
  type Counts,
} from './trace/text.js';
import { readFilter } from './trace/words.js';

const RATE_DEFAULT = 200;
/** Ordinary frames are whole in a capture, super-segments aren't. */
const CAPTURE_BYTES_DEFAULT = 2048;
const COUNT_MAX = 0xffff_ffff;
const SECONDS_MAX = 86_400;
const LEFT_OUT_EVERY_MS = 1000;

const USAGE = `Usage: uvs trace [FILTER]... [--count N] [--duration S] [--rate N] [--pcap FILE] [--json]

Shows packets as the running director decides about them, a line each: what came in and by which interface, what
it went out as, and why. The director is the one at $UVS_SOCKET, or the one that was started without options.

  client=WHO          packets of these clients: ADDRESS, ADDRESS/BITS, ADDRESS:PORT, or :PORT
  vip=WHO             to and from these virtual addresses
  server=WHO          to and from these real servers
  state=NAME          of connections in this TCP state, before the packet or after it
  drop                that are dropped, or refused with an ICMP error
  drop=REASON         for this reason; uvs status lists them
  decision=NAME       that are sent, answered, dropped, parked, held (fragments), left (to the kernel)

Of one word any of several values may hold (state=SYN_RECV,CLOSE); of several words all must hold.

  --count N           ends after N packets
  --duration S        ends after S seconds
  --rate N            shows N packets of each second at most, the first ones, and says how many more there
                      were; 1 to ${TRACE_RATE_MAX}, ${RATE_DEFAULT} by default
  --pcap FILE         writes them to a pcapng file, before and after they are rewritten
  --snaplen N         of each frame the first N bytes, in the file; ${TRACE_FRAME_BYTES_MIN} to ${TRACE_FRAME_BYTES_MAX}, ${CAPTURE_BYTES_DEFAULT} by default
  --json              prints a JSON object a line: packets, in the end the numbers

While somebody traces all packets go through the data plane, also with --fast-path on. Ctrl-C ends the trace.
Exit status: 0; 1 if there is no director, too many traces, or the file can't be written; 2 if the command line
is wrong.
`;

export interface TraceOptions extends CommandOptions {
  /** Ends the trace, as Ctrl-C does. */
  interruption?: AbortSignal;
}

interface Wish {
  words: string[];
  request: TraceRequest;
  durationMs: number;
  pcap: string | null;
  json: boolean;
}

/** Runs `uvs trace ARGV`; resolves to the exit status. */
export function run(argv: string[], options: TraceOptions = {}): Promise<number> {
  const perform = (wish: Wish): Promise<number> =>
    withDirector(options, (control) => new TraceSession(wish, options).run(control));
  const tool = { name: 'trace', usage: USAGE, read: readWords, perform, explain };
  return runTool(tool, argv, options);
}

/** The capture file can't be written, as a rule. */
function explain(error: unknown): Explained {
  if (typeof (error as NodeJS.ErrnoException).syscall !== 'string') return null;
  return { text: `uvs trace: ${(error as Error).message}\n`, exitCode: EXIT_FAILURE };
}

class TraceSession {
  private readonly capture: TraceCapture | null;
  /** What earlier traces had counted, where it began anew, and what the present one has. */
  private before = { matched: 0, leftOut: 0 };
  private present = { matched: 0, leftOut: 0 };
  private shown = 0;
  private leftOutTold = 0;
  private toldMs = performance.now();

  constructor(
    private readonly wish: Wish,
    private readonly options: TraceOptions,
  ) {
    const { pcap, request } = wish;
    this.capture = pcap === null ? null : new TraceCapture(pcap, request.frameBytesMax);
  }

  async run(control: Control): Promise<number> {
    const { wish, options } = this;
    const interrupter = new Interrupter(options.interruption);
    const { signal } = interrupter;
    let endMs: number | null = null;
    try {
      for await (const [report] of control.trace(wish.request)) {
        // A first report says that packets are looked at by now.
        if (endMs === null) {
          endMs = performance.now() + wish.durationMs;
          this.say(beginText(wish.words, wish.request));
        }
        await this.show(report, signal);
        if (signal.aborted || performance.now() >= endMs) break;
      }
      this.tellLeftOut();
      if (wish.json) await this.write(summaryJson(this.counts), signal);
      else this.say(summaryText(this.counts));
      return EXIT_OK;
    } finally {
      this.capture?.close();
      interrupter.release();
    }
  }

  private get counts(): Counts {
    const { before, present, shown } = this;
    const matched = before.matched + present.matched;
    return { matched, shown, leftOut: before.leftOut + present.leftOut };
  }

  private async show(report: TraceReport, signal: AbortSignal): Promise<void> {
    if (report.isAnew) {
      const { matched, leftOut } = this.counts;
      this.before = { matched, leftOut };
      this.say(ANEW_TEXT);
    }
    this.present = report;
    const { json } = this.wish;
    const text = report.packets.map((packet) =>
      json ? packetJson(packet) : `${lineOf(packet)}\n`,
    );
    for (const packet of report.packets) this.capture?.add(packet);
    this.capture?.flush();
    this.shown += report.packets.length;
    if (text.length > 0) await this.write(text.join(''), signal);
    if (performance.now() - this.toldMs >= LEFT_OUT_EVERY_MS) this.tellLeftOut();
  }

  private tellLeftOut(): void {
    const { leftOut } = this.counts;
    if (leftOut > this.leftOutTold) this.say(leftOutText(leftOut - this.leftOutTold));
    this.leftOutTold = leftOut;
    this.toldMs = performance.now();
  }

  /** Resolves when there is room for more: what isn't read meanwhile is left out where the packets are. */
  private async write(text: string, signal: AbortSignal): Promise<void> {
    const { stdout } = this.options;
    if (stdout !== undefined) stdout.write(text);
    else if (!process.stdout.write(text)) {
      await once(process.stdout, 'drain', { signal }).catch(() => {});
    }
  }

  /** Not among the packets, which a program may read. */
  private say(text: string): void {
    const { stderr = process.stderr } = this.options;
    stderr.write(text);
  }
}

function readWords(argv: string[]): Wish | 'help' {
  const { values, positionals } = parseWords({
    args: argv,
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      count: { type: 'string' },
      duration: { type: 'string' },
      rate: { type: 'string', default: String(RATE_DEFAULT) },
      pcap: { type: 'string' },
      snaplen: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const { count, duration, rate, pcap = null, snaplen, json } = values;
  if (snaplen !== undefined && pcap === null) throw new UsageError('--snaplen is for --pcap');
  const captured = number('--snaplen', snaplen, TRACE_FRAME_BYTES_MIN, TRACE_FRAME_BYTES_MAX);
  return {
    words: positionals,
    request: {
      filter: readFilter(positionals),
      ratePerSecond: number('--rate', rate, 1, TRACE_RATE_MAX) ?? RATE_DEFAULT,
      countMax: number('--count', count, 1, COUNT_MAX) ?? 0,
      frameBytesMax: pcap === null ? TRACE_FRAME_BYTES_MIN : (captured ?? CAPTURE_BYTES_DEFAULT),
    },
    durationMs: (number('--duration', duration, 1, SECONDS_MAX) ?? Infinity) * 1000,
    pcap,
    json,
  };
}

/** Null where the option isn't there. */
function number(option: string, text: string | undefined, min: number, max: number): number | null {
  if (text === undefined) return null;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`${option} must be a whole number from ${min} to ${max}, not '${text}'`);
}
