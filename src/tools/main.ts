/** `uvs`: one command, a tool for each purpose. A tool's code is loaded when it is called and not before. */
import { packageVersion } from '../package.js';
import { EXIT_OK, EXIT_USAGE } from './exit-codes.js';

export interface Tool {
  readonly name: string;
  /** One line for the overview. */
  readonly summary: string;
  /** Runs with the words after the tool's name and resolves to the exit status. */
  run(argv: string[]): Promise<number>;
}

export const TOOLS: readonly Tool[] = [
  {
    name: 'apply',
    summary: "makes a running director's rules those of a file, and shows what differs",
    run: async (argv) => (await import('./apply.js')).run(argv),
  },
  {
    name: 'doctor',
    summary: 'checks a gateway: what is wrong, and the command that mends it',
    run: async (argv) => (await import('./doctor.js')).run(argv),
  },
  {
    name: 'drain',
    summary: 'takes a real server out of service gently: no new connections, shows what is left',
    run: async (argv) => (await import('./drain.js')).run(argv),
  },
  {
    name: 'lab',
    summary: 'a practice network of namespaces: client, director, three web servers',
    run: async (argv) => (await import('./lab.js')).run(argv),
  },
  {
    name: 'replay',
    summary: 'plays recorded scenarios and shows where this director answers differently',
    run: async (argv) => (await import('./replay/main.js')).run(argv),
  },
  {
    name: 'set',
    summary: "shows and changes a running director's settings",
    run: async (argv) => (await import('./set.js')).run(argv),
  },
  {
    name: 'status',
    summary: 'how full a running director is, what it has dropped and why, and what to do',
    run: async (argv) => (await import('./status.js')).run(argv),
  },
  {
    name: 'top',
    summary: 'what a running director does, live: services, servers, rates, states, drops',
    run: async (argv) => (await import('./top.js')).run(argv),
  },
  {
    name: 'trace',
    summary: 'what a running director decides about packets, live and why; as pcapng, too',
    run: async (argv) => (await import('./trace.js')).run(argv),
  },
  {
    name: 'upgrade',
    summary: 'has a running director go on as the version that is installed now',
    run: async (argv) => (await import('./upgrade.js')).run(argv),
  },
];

/** Runs `uvs ARGV...`; resolves to the exit status. */
export async function main(argv: string[], tools: readonly Tool[] = TOOLS): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === 'help' || name === '-h' || name === '--help') {
    process.stdout.write(overview(tools));
    return name === undefined ? EXIT_USAGE : EXIT_OK;
  }
  if (name === '-V' || name === '--version') {
    process.stdout.write(`uvs ${packageVersion()}\n`);
    return EXIT_OK;
  }
  const tool = tools.find((candidate) => candidate.name === name);
  if (tool === undefined) {
    process.stderr.write(`uvs: there is no tool '${name}'\n\n${overview(tools)}`);
    return EXIT_USAGE;
  }
  return tool.run(rest);
}

function overview(tools: readonly Tool[]): string {
  const width = Math.max(...tools.map((tool) => tool.name.length));
  const lines = tools.map((tool) => `  ${tool.name.padEnd(width)}  ${tool.summary}`);
  return [
    'Usage: uvs TOOL [ARGUMENTS]',
    '',
    ...lines,
    '',
    '`uvs TOOL --help` says more about a tool.',
    '',
  ].join('\n');
}
