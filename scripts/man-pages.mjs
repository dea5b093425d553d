/**
 * Writes dist/man/uvsd.8, uvsadm.8 and uvs.8: options and tools as the commands' own help texts list them, and around
 * that the prose below. Part of the build, after the compiler.
 *
 * A help text consists of paragraphs, of titles that end in a colon, and of rows: "  --word VALUE   what it means".
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const DIST = join(dirname(import.meta.dirname), 'dist');
const { version } = JSON.parse(readFileSync(join(DIST, '../package.json'), 'utf8'));

const SOCKET = [
  'ENVIRONMENT',
  row(
    'UVS_SOCKET',
    'The control socket of the director that is meant; without it /run/uvs/control.sock.',
  ),
];

const PAGES = {
  uvsd: {
    summary: 'director of a TCP load balancer with LVS-NAT semantics',
    synopsis: ['uvsd [OPTION]...'],
    sections: () => [
      [
        'DESCRIPTION',
        paragraphs(
          'uvsd balances TCP connections to virtual addresses among real servers, as the ip_vs module of Linux does in NAT (masquerading) mode, in user space. It needs the capabilities NET_ADMIN and NET_RAW.',
          'The virtual addresses are addresses of the host, and the real servers have the host as their default gateway. What is not balanced stays with the kernel.',
          'uvsd runs in the foreground and logs to standard error. Services and servers are set up with uvsadm(8), or by a file of rules in the format of uvsadm -S.',
        ),
      ],
      ['OPTIONS', rows(help('uvsd', '--help'))],
      [
        'SIGNALS',
        [
          row(
            'SIGTERM, SIGINT',
            'End, and leave nothing behind: the kernel answers what comes for the connections.',
          ),
          row(
            'SIGHUP',
            'Make the rules those of the file of --rules; what stays in effect keeps its connections.',
          ),
          row(
            'SIGUSR2',
            'End, and leave the packets to the data plane until the next uvsd takes over.',
          ),
        ].join(''),
      ],
      [
        'EXIT STATUS',
        [
          row('0', 'It has ended as it was asked to; with --check: a director could start.'),
          row('1', 'It could not start or not go on.'),
          row('2', 'Options, configuration or rules are wrong.'),
        ].join(''),
      ],
      [
        'FILES',
        [
          row(
            '/run/uvs',
            'State directory: connections and services, so that they outlive a crash, and the control socket.',
          ),
          row(
            '/etc/uvs/uvsd.json',
            'Options, where uvsd is started by the service of its package.',
          ),
          row('/etc/uvs/rules', 'Services and servers, likewise.'),
        ].join(''),
      ],
      ['EXAMPLE', literal('uvsd --rules /etc/uvs/rules --masquerade 10.2.0.0/24')],
    ],
    seeAlso: ['uvs(8)', 'uvsadm(8)'],
  },
  uvsadm: {
    summary: 'set up and show the virtual services of a director',
    synopsis: ['uvsadm COMMAND [OPTION]...', 'uvsadm-save [-n]', 'uvsadm-restore'],
    sections: () => [
      [
        'DESCRIPTION',
        paragraphs(
          'uvsadm has the options, listings, messages and exit statuses of ipvsadm(8) 1.31. Called through a link named ipvsadm it speaks in that name.',
          'uvsadm-save writes services and servers to standard output, with -n by numbers. uvsadm-restore deletes what there is and reads such lines from standard input.',
        ),
      ],
      ['OPTIONS', titledRows(help('uvsadm', '-h'))],
      [
        'EXIT STATUS',
        [
          row('0', 'Done.'),
          row('1', 'It could not be listed.'),
          row('2', 'The command line is wrong, or there is no director.'),
          row('255', 'The director refused, or an option is unknown or lacks its value.'),
        ].join(''),
      ],
      SOCKET,
      [
        'EXAMPLE',
        literal(
          'uvsadm -A -t 10.1.0.100:80 -s rr\nuvsadm -a -t 10.1.0.100:80 -r 10.2.0.11:80 -m\nuvsadm -Ln\nuvsadm-save -n > rules',
        ),
      ],
    ],
    seeAlso: ['uvs(8)', 'uvsd(8)'],
  },
  uvs: {
    summary: 'tools around a director',
    synopsis: ['uvs TOOL [ARGUMENT]...'],
    sections: () => [
      [
        'DESCRIPTION',
        paragraphs('One command with a tool for each purpose:') + rows(help('uvs', '--help')),
      ],
      ...toolNames().map((tool) => [
        `UVS ${tool.toUpperCase()}`,
        literal(help('uvs', tool, '--help')),
      ]),
      SOCKET,
    ],
    seeAlso: ['uvsadm(8)', 'uvsd(8)'],
  },
};

mkdirSync(join(DIST, 'man'), { recursive: true });
for (const [name, page] of Object.entries(PAGES)) {
  writeFileSync(join(DIST, 'man', `${name}.8`), pageText(name, page));
}

function pageText(name, { summary, synopsis, sections, seeAlso }) {
  const all = [
    ['NAME', `${escape(`${name} - ${summary}`)}\n`],
    ['SYNOPSIS', literal(synopsis.join('\n'))],
    ...sections(),
    ['SEE ALSO', `${escape(seeAlso.join(', '))}\n`],
  ];
  const title = `.TH ${name.toUpperCase()} 8 "" "uvs ${version}" "System administration"\n`;
  return title + all.map(([heading, text]) => `.SH ${heading}\n${text}`).join('');
}

function help(command, ...words) {
  return execFileSync(process.execPath, [join(DIST, 'bin', `${command}.js`), ...words], {
    encoding: 'utf8',
  });
}

function toolNames() {
  return [...help('uvs', '--help').matchAll(/^ {2}([a-z]+) {2}/gm)].map((match) => match[1]);
}

/** The rows of a help text; one without a left side goes on with the one before it. */
function rows(text) {
  const pairs = [];
  for (const line of text.split('\n')) {
    const parts = /^ {2}(\S.*?)?(?: {2,}(\S.*))?$/.exec(line);
    if (parts === null) continue;
    const [, left, right = ''] = parts;
    if (left === undefined) pairs.at(-1)[1] += ` ${right}`;
    else pairs.push([left, right]);
  }
  return pairs.map(([left, right]) => row(left, right)).join('');
}

/** The rows with the titles between them. */
function titledRows(text) {
  const parts = text.split(/^(\S.*):$/m).slice(1);
  let result = '';
  for (let i = 0; i < parts.length; i += 2)
    result += `.SS ${escape(parts[i])}\n${rows(parts[i + 1])}`;
  return result;
}

function row(left, right) {
  return `.TP\n.B ${escape(left)}\n${escape(right)}\n`;
}

function paragraphs(...texts) {
  return texts.map((text) => `.PP\n${escape(text)}\n`).join('');
}

function literal(text) {
  return `.PP\n.nf\n${escape(text.trimEnd())}\n.fi\n`;
}

/** A line that begins with a dot or an apostrophe would be a request. */
function escape(text) {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/gm, '\\&');
}
