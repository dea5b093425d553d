/** The texts of `-h` and `-v`. */

/** What this command's language is that of. */
const LANGUAGE = 'ipvsadm v1.31 and IPVS v1.2.1';

export function versionLine(version: string): string {
  return `uvsadm v${version} (compatible with ${LANGUAGE})\n`;
}

type Row = readonly [words: string, meaning: string];

const COMMANDS: readonly Row[] = [
  ['-A, --add-service SERVICE', 'make a virtual service'],
  ['-E, --edit-service SERVICE', 'give a service new settings; what is not named is reset'],
  ['-D, --delete-service SERVICE', 'delete a service with its real servers'],
  ['-C, --clear', 'delete all services'],
  ['-a, --add-server SERVICE -r SERVER', 'add a real server to a service'],
  ['-e, --edit-server SERVICE -r SERVER', 'give a server new settings; what is not named is reset'],
  ['-d, --delete-server SERVICE -r SERVER', 'take a real server out of a service'],
  ['-L, -l, --list [SERVICE]', 'show one service or all (also without any command)'],
  ['-Z, --zero [SERVICE]', 'start the counters of one service or of all from zero'],
  ['-S, --save', 'write services and servers as lines for -R'],
  ['-R, --restore', 'run each line of standard input as a command'],
  ['--set TCP TCPFIN UDP', 'set timeouts of connections in seconds; 0 keeps one'],
  ['--start-daemon master|backup', 'start to send or to receive connections'],
  ['--stop-daemon master|backup', 'stop that'],
  ['-h, --help', 'show this text'],
  ['-v, --version', 'show the version'],
];

const SERVICES: readonly Row[] = [
  ['-t, --tcp-service HOST[:PORT]', 'by address and TCP port'],
  ['-u, --udp-service HOST[:PORT]', 'by address and UDP port'],
  ['--sctp-service HOST[:PORT]', 'by address and SCTP port'],
  ['-f, --fwmark-service MARK', 'by firewall mark, a number from 1 on'],
  ['-6, --ipv6', 'after -f: packets of IPv6 with that mark'],
];

const SERVICE_SETTINGS: readonly Row[] = [
  ['-s, --scheduler NAME', 'rr, wrr, lc, wlc (default), lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh'],
  ['-b, --sched-flags FLAGS', 'flag-1, flag-2, flag-3, or by their names for the scheduler:'],
  ['', 'sh-fallback, sh-port, mh-fallback, mh-port; with commas between'],
  ['-p, --persistent [SECONDS]', 'send a client to the same server again, for 360 seconds'],
  ['-M, --netmask MASK', 'with -p: treat clients of one network as one client'],
  ['--pe NAME', 'with -p: persistence engine, sip'],
  ['-o, --ops', 'choose a server for each packet (UDP)'],
];

const SERVER_SETTINGS: readonly Row[] = [
  ['-m, --masquerading', 'rewrite addresses, both ways (NAT)'],
  ['-g, --gatewaying', 'send on to the server as it is (default)'],
  ['-i, --ipip', 'send through a tunnel'],
  ['--tun-type TYPE', 'ipip (default), gue or gre'],
  ['--tun-port PORT', "a gue tunnel's port"],
  ['--tun-nocsum, --tun-csum', 'no checksum in the tunnel (default), or one'],
  ['--tun-remcsum', 'remote checksum in a gue tunnel'],
  ['-w, --weight NUMBER', 'share of new connections (default 1); 0: none'],
  ['-x, --u-threshold NUMBER', 'no new connections from so many on; 0: no limit'],
  ['-y, --l-threshold NUMBER', 'after that, new ones again below so many'],
];

const LIST_OPTIONS: readonly Row[] = [
  ['-n, --numeric', 'numbers instead of names of hosts and ports (also with -S)'],
  ['-c, --connection', 'connections instead of services'],
  ['--stats', 'counters of connections, packets and bytes'],
  ['--rate', 'the same per second'],
  ['--thresholds', 'upper and lower thresholds of servers'],
  ['--persistent-conn', 'templates of persistent clients'],
  ['--tun-info', 'tunnels to servers'],
  ['-X, --exact', 'all digits of large counters'],
  ['--nosort', "in the director's order"],
  ['--sort', 'sorted, as it is anyway'],
  ['--timeout', 'timeouts of connections'],
  ['--daemon', 'running sync daemons'],
];

const DAEMON_SETTINGS: readonly Row[] = [
  ['--mcast-interface NAME', 'interface to send or receive by (default eth0)'],
  ['--syncid NUMBER', 'group of directors, 0 to 255 (default 0)'],
  ['--sync-maxlen BYTES', 'largest message'],
  ['--mcast-group ADDRESS', 'multicast group (default 224.0.0.81)'],
  ['--mcast-port PORT', 'UDP port (default 8848)'],
  ['--mcast-ttl TTL', 'time to live (default 1)'],
];

const SECTIONS: readonly (readonly [title: string, rows: readonly Row[]])[] = [
  ['Commands, of which one comes first', COMMANDS],
  ['SERVICE', SERVICES],
  ['Settings of a service (-A, -E)', SERVICE_SETTINGS],
  ['Settings of a server (-a, -e)', SERVER_SETTINGS],
  ['Options of -L', LIST_OPTIONS],
  ['Settings of a daemon', DAEMON_SETTINGS],
];

const INDENT = '  ';

export function helpText(programName: string): string {
  const rows = SECTIONS.flatMap(([, sectionRows]) => sectionRows);
  const width = Math.max(...rows.map(([words]) => words.length));
  const lines = SECTIONS.flatMap(([title, sectionRows]) => [
    '',
    `${title}:`,
    ...sectionRows.map(([words, meaning]) => `${INDENT}${words.padEnd(width)}  ${meaning}`),
  ]);
  return [
    `Usage: ${programName} COMMAND [OPTION]...`,
    'Sets up and shows the virtual services of a director.',
    ...lines,
    '',
    'The director is the one whose control socket $UVS_SOCKET names, or the one started as `uvsd`.',
    '',
  ].join('\n');
}
