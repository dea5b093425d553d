/** `uvs doctor`: checks a gateway, says what is wrong with it and which command mends it. */
import { isIPv4 } from 'node:net';
import { SysError } from '../../dataplane/sys/errors.js';
import { parseWords, runTool, UsageError, type CommandOptions, type Explained } from './command.js';
import type { Check, CheckInput } from './doctor/check.js';
import { CHECKS, PROBES } from './doctor/checks.js';
import { Findings, type Finding } from './doctor/findings.js';
import { readGateway } from './doctor/gateway.js';
import { Host } from './doctor/host.js';
import { exitCodeOf, jsonText, makeReport, pageText, type Report } from './doctor/report.js';
import { EXIT_USAGE } from './exit-codes.js';

const USAGE = `Usage: uvs doctor [--rules FILE] [--probe [--client ADDRESS]] [--quiet] [--json]

Checks this host as a gateway of LVS-NAT, and says what is wrong and the command that mends it: capabilities,
kernel, settings, virtual addresses, the ways to the servers and back, clients, MTUs, programs and firewall
rules in the way, and what a dead director has left. Run it where uvsd runs, as root. It changes nothing.
The services and servers are those of the director at $UVS_SOCKET, or the one that was started without
options; without a director, only the host itself is checked.

  --rules FILE      examines the services and servers of this file, written as \`uvsadm -S\` writes
  --probe           also sends each server a few packets of its own (docs/DOCTOR.md says which): does it listen,
                    do its answers to clients come back through this host, do large packets arrive?
  --client ADDRESS  asks in the name of this client (default: one that has connections, or the VIP)
  --quiet           leaves out what is as it should be
  --json            prints a JSON object

Exit status: 0 nothing is wrong (there may be notes); 1 something couldn't be checked; 2 the command line or
the rules are wrong; 3 there are warnings; 4 there are errors, which clients notice.
`;

interface Wish {
  rules: string | null;
  probe: boolean;
  client: string | null;
  quiet: boolean;
  json: boolean;
}

/** Runs `uvs doctor ARGV`; resolves to the exit status. */
export function run(argv: string[], options: CommandOptions = {}): Promise<number> {
  const { stdout = process.stdout } = options;
  const perform = async (wish: Wish): Promise<number> => {
    const report = await examine(wish, options);
    stdout.write(wish.json ? jsonText(report) : pageText(report, wish.quiet));
    return exitCodeOf(report);
  };
  const tool = { name: 'doctor', usage: USAGE, read: readWords, perform, explain };
  return runTool(tool, argv, options);
}

async function explain(error: unknown): Promise<Explained> {
  const { RulesError } = await import('../rules/rules-file.js');
  if (!(error instanceof RulesError)) return null;
  return { text: `${error.message}\nuvs doctor: the rules are wrong\n`, exitCode: EXIT_USAGE };
}

async function examine(wish: Wish, options: CommandOptions): Promise<Report> {
  const gateway = await readGateway(wish.rules, options);
  const input = { host: Host.open(), gateway, probeClient: wish.client };
  const checks = wish.probe ? [...CHECKS, ...PROBES] : CHECKS;
  const results = await Promise.all(
    checks.map(async (check) => ({ name: check.name, findings: await findingsOf(check, input) })),
  );
  // Of what isn't there nothing can be said.
  const told = results.filter(({ findings }) => findings.length > 0);
  return makeReport(gateway.source, told);
}

async function findingsOf(check: Check, input: CheckInput): Promise<Finding[]> {
  const findings = new Findings();
  try {
    await check.run(input, findings);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    findings.unchecked(error.message);
  }
  return findings.list;
}

function readWords(argv: string[]): Wish | 'help' {
  const { values, positionals } = parseWords({
    args: argv,
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      rules: { type: 'string' },
      probe: { type: 'boolean', default: false },
      client: { type: 'string' },
      quiet: { type: 'boolean', short: 'q', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  if (positionals.length > 0)
    throw new UsageError(`there is nothing to add, such as '${positionals[0]}'`);
  const { rules = null, client = null, probe, quiet, json } = values;
  if (client !== null && !probe) throw new UsageError('--client is for --probe');
  if (client !== null && !isIPv4(client)) {
    throw new UsageError(`--client must be an IPv4 address, not '${client}'`);
  }
  return { rules, probe, client, quiet, json };
}
