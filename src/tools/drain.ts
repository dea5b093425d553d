/** `uvs drain`: takes a real server out of service gently, and waits until nobody uses it any more. */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseEndpoint, type Endpoint } from '../admin/endpoint.js';
import { SystemNames } from '../admin/system-names.js';
import type { Control } from '../control/api.js';
import {
  parseWords,
  runTool,
  UsageError,
  withDirector,
  type CommandOptions,
  type Explained,
  type TextStream,
} from './command.js';
import {
  countOpen,
  DrainError,
  endpointText,
  leftAt,
  placesOf,
  totalOf,
  weightChange,
  type Left,
  type Place,
} from './drain/places.js';
import { Progress } from './drain/progress.js';
import { Interrupter } from './interrupter.js';
import { EXIT_FAILURE, EXIT_OK } from './exit-codes.js';
import { drainedText, jsonText, leftText, TEMPLATES_TEXT } from './drain/text.js';

/** As shells report a command that Ctrl-C ended. */
const EXIT_INTERRUPTED = 130;

const LOOK_INTERVAL_MS = 500;
/** Listing a million connections takes seconds of the director's time: it has ten times as long between two looks. */
const PAUSE_PER_LOOK = 10;

const USAGE = `Usage: uvs drain [--service VIP:PORT] [--wait] [--timeout S] [--json] SERVER

Sets the weight of the real server SERVER (ADDRESS[:PORT]) to 0 in every service it is in: it gets no new
connections, and those that it has go on. Shows what is left, and the commands that put its weights back.

  --service VIP:PORT  in this service only
  --wait              shows what is left until the last connection has ended; those that both sides
                      have closed and that are still remembered (TIME_WAIT, CLOSE) don't count
  --timeout S         waits at most S seconds (implies --wait)
  --json              prints a JSON object, in the end

Clients of a persistent service come back to their server as long as their template lives, whatever its
weight: --wait waits for the templates as well, unless the setting expire_quiescent_template is on.
The director is the one at $UVS_SOCKET, or the one that was started without options.

Exit status: 0 if it is drained, without --wait if its weight is 0 now; 1 if connections were left, the server
is none, or there is no director; 2 if the command line is wrong. Ctrl-C ends the waiting; the weight stays 0.
`;

export interface DrainOptions extends CommandOptions {
  /** Of stdout: progress is shown in one line. */
  isTerminal?: boolean;
  /** Ends the waiting, as Ctrl-C does. */
  interruption?: AbortSignal;
  lookIntervalMs?: number;
}

interface Wish {
  server: Endpoint;
  /** null for all. */
  service: Endpoint | null;
  wait: boolean;
  /** Most time to wait, null for all that it takes. */
  timeoutMs: number | null;
  json: boolean;
}

/** Runs `uvs drain ARGV`; resolves to the exit status. */
export function run(argv: string[], options: DrainOptions = {}): Promise<number> {
  const { stdout = process.stdout } = options;
  const perform = (wish: Wish): Promise<number> =>
    withDirector(options, (control) => new Drain(wish, control, stdout, options).run());
  return runTool({ name: 'drain', usage: USAGE, read: readWords, perform, explain }, argv, options);
}

function explain(error: unknown): Explained {
  if (!(error instanceof DrainError)) return null;
  return { text: `uvs drain: ${error.message}\n`, exitCode: EXIT_FAILURE };
}

class Drain {
  private places: Place[] = [];
  private left: Left[] = [];
  private isDrained = false;

  constructor(
    private readonly wish: Wish,
    private readonly control: Control,
    private readonly stdout: TextStream,
    private readonly options: DrainOptions,
  ) {}

  async run(): Promise<number> {
    const { server, service, wait, json } = this.wish;
    this.places = placesOf(await this.control.services(), server, service);
    const weighted = this.places.filter(({ before }) => before.weight !== 0);
    if (weighted.length > 0) {
      await this.control.apply(weighted.map((place) => weightChange(place, 0)));
    }
    await this.look();
    if (!json) await this.introduce();
    const exitCode = wait ? await this.wait() : EXIT_OK;
    if (json) this.stdout.write(await jsonText(this.places, this.left, this.isDrained));
    return exitCode;
  }

  private async introduce(): Promise<void> {
    this.stdout.write(await drainedText(this.places, this.left));
    const isPersistent = this.places.some((place) => place.isPersistent);
    if (isPersistent && !(await this.doTemplatesExpire())) this.stdout.write(TEMPLATES_TEXT);
  }

  private async wait(): Promise<number> {
    const { timeoutMs } = this.wish;
    const { lookIntervalMs = LOOK_INTERVAL_MS } = this.options;
    const interrupter = new Interrupter(this.options.interruption);
    const stops = [interrupter.signal];
    if (timeoutMs !== null) stops.push(AbortSignal.timeout(timeoutMs));
    const stop = AbortSignal.any(stops);
    const progress = new Progress(
      this.wish.json ? { write: () => true } : this.stdout,
      this.options.isTerminal ?? process.stdout.isTTY,
    );
    try {
      let tookMs = 0;
      while (!this.isDrained) {
        progress.show(`${leftText(totalOf(this.left))} left`);
        const pauseMs = Math.max(lookIntervalMs, tookMs * PAUSE_PER_LOOK);
        if (!(await sleepUnless(stop, pauseMs))) {
          progress.end();
          return this.giveUp(interrupter.signal.aborted);
        }
        const began = performance.now();
        await this.look();
        tookMs = performance.now() - began;
      }
      progress.end();
      this.say(`nobody uses ${endpointText(this.wish.server)} any more`);
      return EXIT_OK;
    } finally {
      interrupter.release();
    }
  }

  private giveUp(isInterrupted: boolean): number {
    const reason = isInterrupted ? 'interrupted' : 'timed out';
    const rest = leftText(totalOf(this.left));
    this.say(`${reason}: the weight stays 0, ${rest} left`);
    return isInterrupted ? EXIT_INTERRUPTED : EXIT_FAILURE;
  }

  private async look(): Promise<void> {
    this.left = await leftAt(this.places, this.control);
    const { active, inactive, templates } = totalOf(this.left);
    this.isDrained =
      active === 0 &&
      (templates === 0 || (await this.doTemplatesExpire())) &&
      (inactive === 0 || (await countOpen(this.places, this.control)) === 0);
  }

  /** Otherwise templates bring clients back to the server. */
  private async doTemplatesExpire(): Promise<boolean> {
    return (await this.control.settings())['expire_quiescent_template'] !== 0;
  }

  private say(line: string): void {
    if (!this.wish.json) this.stdout.write(`${line}\n`);
  }
}

/** Resolves to false where the signal was there first. */
async function sleepUnless(signal: AbortSignal, ms: number): Promise<boolean> {
  try {
    await sleep(ms, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}

async function readWords(argv: string[]): Promise<Wish | 'help'> {
  const { values, positionals } = parseWords({
    args: argv,
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      service: { type: 'string' },
      wait: { type: 'boolean', default: false },
      timeout: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  if (positionals.length !== 1) {
    throw new UsageError(positionals.length === 0 ? 'which server?' : 'one server at a time');
  }
  const { wait, timeout, service, json } = values;
  return {
    server: await readEndpoint('SERVER', positionals[0]),
    service: service === undefined ? null : await readEndpoint('--service', service),
    wait: wait || timeout !== undefined,
    timeoutMs: timeout === undefined ? null : readSeconds(timeout) * 1000,
    json,
  };
}

async function readEndpoint(what: string, text: string): Promise<Endpoint> {
  const endpoint = await parseEndpoint(text, 'tcp', new SystemNames());
  if (endpoint !== null) return endpoint;
  throw new UsageError(`${what} must be an address such as 10.2.0.2 or 10.2.0.2:80, not '${text}'`);
}

function readSeconds(text: string): number {
  const seconds = /^\d{1,6}$/.test(text) ? Number(text) : NaN;
  if (seconds >= 0) return seconds;
  throw new UsageError(`--timeout must be a whole number of seconds, not '${text}'`);
}
