/** uvsd as a process: what it is asked for, its exit status, its end. */
import { packageVersion } from '../package.js';
import { capabilityAdvice, missingCapabilities } from './capabilities.js';
import { checkOptions } from './check.js';
import { cleanUp } from './cleanup.js';
import { helpText, parseCommandLine, type Command } from './command-line.js';
import { Director } from './director.js';
import { createLog, writesToJournal, type Log } from './log.js';
import { limitLog } from './log-limit.js';
import { Notifier } from './notify.js';
import type { Options } from './options.js';
import { keepLeastPrivileges } from './privileges.js';
import { waitForStop } from './signals.js';
import { adoptChildren } from './upgrade.js';
import { UsageError } from './usage.js';

const EXIT_OK = 0;
/** It could not start, or not go on. */
const EXIT_FAILURE = 1;
/** Options, configuration file or rules are wrong. */
const EXIT_USAGE = 2;

/** Resolves to the exit status when uvsd has done what it was asked for. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    return await perform(parseCommandLine(argv));
  } catch (error) {
    // As sd-daemon(3) has it: an error.
    const start = writesToJournal() ? '<3>uvsd: ' : 'uvsd: ';
    for (const line of messageOf(error).split('\n')) process.stderr.write(`${start}${line}\n`);
    return statusOf(error);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function statusOf(error: unknown): number {
  return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILURE;
}

async function perform(command: Command): Promise<number> {
  if (!('options' in command)) {
    return say(command.action === 'help' ? helpText() : `uvsd ${packageVersion()}\n`);
  }
  const { options } = command;
  const log = logOf(options);
  if (command.action === 'check') {
    // It looks at files with the eyes that a director would have.
    keepLeastPrivileges(log, options.fastPath !== 'off');
    return say(`uvsd could start: ${await checkOptions(options, command.findings, log)}\n`);
  }
  const missing = missingCapabilities();
  if (missing.length > 0) throw new Error(capabilityAdvice(missing));
  if (command.action === 'cleanup') {
    const done = await cleanUp(options);
    return say(done.length === 0 ? 'nothing was left behind\n' : `${done.join('\n')}\n`);
  }
  const limited = limitLog(log);
  try {
    return await run(options, limited);
  } catch (error) {
    // Whoever reads objects gets this one, too.
    if (options.logFormat !== 'json') throw error;
    limited.error('could not start or go on', { reason: messageOf(error) });
    return statusOf(error);
  } finally {
    limited.close();
  }
}

function logOf({ logLevel, logFormat }: Options): Log {
  return createLog({ level: logLevel, format: logFormat, isJournal: writesToJournal() });
}

async function run(options: Options, log: Log): Promise<number> {
  keepLeastPrivileges(log, options.fastPath !== 'off');
  adoptChildren();
  const notifier = Notifier.fromEnvironment((reason) =>
    log.warn('the service manager can not be told how the director is', { reason }),
  );
  let director: Director | null = null;
  const stop = waitForStop(log, () => void reload(director, notifier));
  log.info('starting', { version: packageVersion(), node: process.version });
  const started = await Director.start(options, log);
  director = started;
  notifier.ready(() => started.health());
  const { failure, leave } = await stop;
  notifier.stopping();
  const complete = leave ? await director.leave() : await director.stop();
  log.info('stopped', leave ? { dataPlane: 'left at work' } : {});
  return failure === null && complete ? EXIT_OK : EXIT_FAILURE;
}

async function reload(director: Director | null, notifier: Notifier): Promise<void> {
  if (director === null) return;
  notifier.reloading();
  await director.reload();
  notifier.reloaded();
}

function say(text: string): number {
  process.stdout.write(text);
  return EXIT_OK;
}
