/** From a command line to a checked request. */
import { noCommand, usageFault } from './failure.js';
import { checkLegality, checkTunnelLegality, concernsTunnel } from './legality.js';
import type { Names } from './names.js';
import { OptionReader } from './option-reader.js';
import { OPTIONS, type CommandOption, type Option, type PlainOption } from './options.js';
import { DEFAULT_SCHEDULER, newRequest, type Request } from './request.js';
import { parseSchedulerFlags } from './scheduler-flags.js';
import { parseTimeout } from './values.js';

/** The words of a command line: the arguments, without the program's name. */
export type Words = readonly string[];

/** The command that a command line begins with. Throws AdminError where it begins with none. */
export function leadingCommand(words: Words, programName: string): CommandOption['command'] {
  return readCommand(new OptionReader(OPTIONS, words), programName).option.command;
}

/**
 * Reads and checks a command line that is a command, hence neither `-h` nor `-v`. Throws AdminError with
 * ipvsadm's message at the first thing that is wrong, in ipvsadm's order: each option as it is read; words
 * that are no options; scheduler flags; which options go together; what their values say together.
 */
export async function parse(words: Words, programName: string, names: Names): Promise<Request> {
  const reader = new OptionReader(OPTIONS, words);
  const { option, value } = readCommand(reader, programName);
  if (option.command === 'help' || option.command === 'version') throw noCommand(programName);
  const request = newRequest(option.command);
  await option.apply(request, value, names);
  await readOptions(reader, request, names);
  readOtherWords(request, reader.others);
  request.schedulerFlags = parseSchedulerFlags(
    request.schedulerFlagWords,
    request.scheduler || DEFAULT_SCHEDULER,
  );
  checkLegality(request.command, request.given);
  if (request.command === 'add-service' || request.command === 'edit-service') {
    completeService(request);
  } else if (request.command === 'add-server' || request.command === 'edit-server') {
    completeServer(request);
  }
  return request;
}

function readCommand(
  reader: OptionReader<Option>,
  programName: string,
): { option: CommandOption; value: string } {
  let first: ReturnType<typeof reader.next> = null;
  try {
    first = reader.next();
  } catch {
    // Whatever is wrong with it, it is no command.
  }
  if (first === null || !isCommand(first.option)) throw noCommand(programName);
  return { option: first.option, value: first.value };
}

function isCommand(option: Option): option is CommandOption {
  return 'command' in option;
}

async function readOptions(
  reader: OptionReader<Option>,
  request: Request,
  names: Names,
): Promise<void> {
  for (let next = reader.next(); next !== null; next = reader.next()) {
    if (isCommand(next.option)) throw usageFault(`invalid option \`${reader.lastWord}'`);
    noteGiven(request, next.option);
    await next.option.apply(request, next.value, names);
  }
}

function noteGiven(request: Request, { name }: PlainOption): void {
  if (name === null) return;
  if (request.given.has(name)) throw usageFault(`multiple '${name}' options specified`);
  request.given.add(name);
}

/** Only `--set` takes words that are no options. */
function readOtherWords(request: Request, words: Words): void {
  let rest = words;
  if (request.command === 'set') {
    const [tcp, tcpFin, udp] = words;
    if (udp === undefined) throw usageFault('--set option requires 3 timeout values');
    request.timeoutsSeconds = [parseTimeout(tcp, 0), parseTimeout(tcpFin, 0), parseTimeout(udp, 0)];
    rest = words.slice(3);
  }
  if (rest.length > 0) throw usageFault(`unexpected argument ${rest[0]}`);
}

function completeService(request: Request): void {
  const { service, given } = request;
  const isPersistent = given.has('persistent');
  if (service.fwmark === 0 && service.port === 0 && !isPersistent) {
    throw usageFault('Zero port specified for non-persistent service');
  }
  if (given.has('ops') && service.fwmark === 0 && service.protocol !== 'udp') {
    throw usageFault('One-Packet Scheduling is only for UDP virtual services');
  }
  if (request.scheduler === '') request.scheduler = DEFAULT_SCHEDULER;
}

function completeServer(request: Request): void {
  const { service, destination, forwarding, given } = request;
  if (forwarding !== 'tunnel') {
    if (service.family !== destination.family) {
      throw usageFault('Different address family is allowed only for tunneling servers');
    }
    if (concernsTunnel(given)) throw usageFault('Tunnel options conflict with forward method');
  } else {
    checkTunnelLegality(request.tunnel.type, given);
  }
  // Packets that aren't rewritten arrive at the service's own port.
  if (service.fwmark === 0 && forwarding !== 'masq') destination.port = service.port;
}
