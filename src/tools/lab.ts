/** `uvs lab`: builds the practice network, runs commands on its hosts, takes it down. */
import { parseArgs } from 'node:util';
import { Director } from '../../lab/director.js';
import { drawNatPlan } from '../../lab/drawing.js';
import { LabError, messageOf } from '../../lab/errors.js';
import { Lab } from '../../lab/lab.js';
import { natPlan, VIP } from '../../lab/plan.js';
import { isRunning } from '../../lab/identity.js';
import { listProcesses, listRecords, removeLab, runFolder, sweep } from '../../lab/registry.js';
import { startWebServers } from '../../lab/webserver.js';
import { EXIT_OK, EXIT_USAGE } from './exit-codes.js';

const EXIT_FAILURE = 1;
const DEFAULT_ID = 'lab';

const USAGE = `Usage: uvs lab up [--lab ID] [--servers N] [--clients N] [--mtu BYTES] [--no-director]
       uvs lab status
       uvs lab exec [--lab ID] HOST COMMAND [ARGUMENTS]
       uvs lab down [--lab ID | --all]

A practice network on this machine: clients, a director and web servers, each a network namespace of its
own. Nothing outside these namespaces is touched. Needs root.

  up      builds it, starts a web server on each server and uvsd on the director
  status  shows the labs that are up, their hosts and processes
  exec    runs a command on a host; uvsadm and ipvsadm on the director speak to its uvsd
  down    takes it down with all its processes and files

  --lab ID        the lab's name where there are several (default: the only one, or '${DEFAULT_ID}')
  --servers N     number of web servers (default 3)
  --clients N     number of clients (default 1)
  --mtu BYTES     largest packet of both networks (default 1500)
  --no-director   leaves uvsd to you: uvs lab exec director uvsd

Try:
  uvs lab up
  uvs lab exec director uvsadm -A -t ${VIP}:80 -s rr
  uvs lab exec director uvsadm -a -t ${VIP}:80 -r 10.2.0.11:80 -m
  uvs lab exec client curl http://${VIP}/
`;

/** A wrong command line. */
class UsageError extends Error {}

/** Runs `uvs lab ARGV`; resolves to the exit status. */
export async function run(argv: string[]): Promise<number> {
  const [action, ...rest] = argv;
  if (action === '-h' || action === '--help' || action === 'help') {
    process.stdout.write(USAGE);
    return EXIT_OK;
  }
  try {
    return await act(action, rest);
  } catch (error) {
    const wrongUsage = error instanceof UsageError || isParseArgsError(error);
    if (!wrongUsage && !(error instanceof LabError)) throw error;
    const hint = wrongUsage ? '\nTry `uvs lab --help`.' : '';
    process.stderr.write(`uvs lab: ${messageOf(error)}${hint}\n`);
    return wrongUsage ? EXIT_USAGE : EXIT_FAILURE;
  }
}

function isParseArgsError(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return code.startsWith('ERR_PARSE_ARGS_');
}

function act(action: string | undefined, argv: string[]): Promise<number> {
  if (action === 'up') return up(argv);
  if (action === 'down') return down(argv);
  if (action === 'status') return status(argv);
  if (action === 'exec') return exec(argv);
  throw new UsageError(
    action === undefined ? 'up, down, status or exec?' : `no such action: ${action}`,
  );
}

async function up(argv: string[]): Promise<number> {
  const { values } = parseArgs({
    args: argv,
    options: {
      lab: { type: 'string', default: DEFAULT_ID },
      servers: { type: 'string', default: '3' },
      clients: { type: 'string', default: '1' },
      mtu: { type: 'string', default: '1500' },
      'no-director': { type: 'boolean', default: false },
    },
  });
  const plan = natPlan({
    servers: wholeNumber('--servers', values.servers),
    clients: wholeNumber('--clients', values.clients),
    mtu: wholeNumber('--mtu', values.mtu),
  });
  const lab = Lab.up({ id: values.lab, plan, commands: ['nginx'] });
  exitOnSignal();
  try {
    await startWebServers(lab);
    if (!values['no-director']) await Director.start(lab.host('director'));
    lab.keep();
  } catch (error) {
    lab.down();
    throw error;
  }
  process.stdout.write(`${drawNatPlan(plan)}\n\nLab '${lab.id}' is up.\n`);
  return EXIT_OK;
}

/** A lab that isn't complete yet is taken down when this process exits, so let signals make it exit. */
function exitOnSignal(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => process.exit(EXIT_FAILURE));
  }
}

async function down(argv: string[]): Promise<number> {
  const { values } = parseArgs({
    args: argv,
    options: { lab: { type: 'string' }, all: { type: 'boolean', default: false } },
  });
  if (values.all) {
    const ids = [...sweep(), ...listRecords().map((record) => record.id)];
    for (const id of ids) removeLab(id);
    process.stdout.write(`${ids.length} taken down.\n`);
    return EXIT_OK;
  }
  const lab = Lab.attach(chooseId(values.lab));
  lab.down();
  process.stdout.write(`Lab '${lab.id}' is down.\n`);
  return EXIT_OK;
}

async function status(argv: string[]): Promise<number> {
  parseArgs({ args: argv, options: {} });
  const records = listRecords();
  if (records.length === 0) process.stdout.write('No lab is up.\n');
  for (const record of records) {
    const { owner } = record;
    const state =
      owner === null
        ? 'up'
        : isRunning(owner)
          ? `in use by process ${owner.pid}`
          : 'a leftover of a process that was killed';
    process.stdout.write(`Lab '${record.id}': ${state}; files in ${runFolder(record.id)}\n\n`);
    process.stdout.write(`${drawNatPlan(record.plan)}\n\n`);
    for (const { host, command, pid } of listProcesses(record.id)) {
      process.stdout.write(`  ${host.padEnd(12)} ${command.padEnd(12)} process ${pid}\n`);
    }
  }
  return EXIT_OK;
}

async function exec(argv: string[]): Promise<number> {
  const { id, words } = leadingLabOption(argv);
  const [hostName, command, ...args] = words;
  if (hostName === undefined || command === undefined) {
    throw new UsageError('exec needs a host and a command');
  }
  const host = Lab.attach(chooseId(id)).host(hostName);
  // The command has the terminal: Ctrl-C is for it to handle.
  process.on('SIGINT', () => undefined);
  return host.interact(command, args);
}

/** Splits "[--lab ID] HOST COMMAND...": what follows the host belongs to the command. */
function leadingLabOption(argv: string[]): { id: string | undefined; words: string[] } {
  if (argv[0] === '--lab') return { id: argv[1], words: argv.slice(2) };
  if (argv[0]?.startsWith('--lab=')) return { id: argv[0].slice(6), words: argv.slice(1) };
  if (argv[0]?.startsWith('-')) throw new UsageError(`unknown option ${argv[0]}`);
  return { id: undefined, words: argv };
}

/** The lab that is meant where none is named: the only one there is. */
function chooseId(given: string | undefined): string {
  if (given !== undefined) return given;
  const ids = listRecords().map((record) => record.id);
  if (ids.length === 0) throw new LabError('no lab is up; build one with `uvs lab up`');
  if (ids.length > 1)
    throw new LabError(`several labs are up: ${ids.join(', ')}; choose with --lab`);
  return ids[0];
}

function wholeNumber(option: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new UsageError(`${option} must be a whole number, not '${text}'`);
  return Number(text);
}
