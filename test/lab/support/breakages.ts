/** What can be wrong with a gateway: how to break it, and what `uvs doctor` has to say about it. */
import { VIP } from '../../../lab/plan.js';
import type { Level } from '../../../src/tools/doctor/findings.js';

/** Something that is broken, on purpose and by itself. */
export interface Breakage {
  what: string;
  /** The check that must find it, and how bad it is. */
  check: string;
  level?: Level;
  text: RegExp;
  /** Of `uvs doctor`. */
  words?: string[];
  /** Shell commands that break it, on the director's host unless another one is named. */
  break: string[];
  breakOn?: string;
  /** Where the command is to be run that the doctor gives; null: it isn't one that can be run as it is. */
  mendOn?: string | null;
  /** Shell commands that put back what is left then. */
  after?: string[];
}

export const BREAKAGES: Breakage[] = [
  {
    what: 'forwarding that was switched off',
    check: 'ip-forward',
    level: 'warning',
    text: /ip_forward is 0/,
    break: ['sysctl -qw net.ipv4.ip_forward=0'],
  },
  {
    what: 'forwarding of one interface that was switched off',
    check: 'ip-forward',
    level: 'warning',
    text: /conf\.int0\.forwarding is 0/,
    break: ['sysctl -qw net.ipv4.conf.int0.forwarding=0'],
  },
  {
    what: 'strict reverse path filtering',
    check: 'rp-filter',
    level: 'warning',
    text: /strict on lo/,
    break: ['sysctl -qw net.ipv4.conf.all.rp_filter=1'],
    after: ['sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.lo.rp_filter=0'],
  },
  {
    what: 'redirects where clients and servers share an interface',
    check: 'send-redirects',
    level: 'warning',
    text: /int0 leads to clients and to servers/,
    break: ['ip route add default via 10.2.0.13'],
    after: [
      'ip route del default',
      'sysctl -qw net.ipv4.conf.all.send_redirects=1 net.ipv4.conf.int0.send_redirects=1',
    ],
  },
  {
    what: 'policy routing',
    check: 'policy-routing',
    level: 'warning',
    text: /priority 77/,
    break: ['ip rule add from 10.2.0.11 table 7 priority 77'],
    after: ['ip rule del priority 77 || true'],
  },
  {
    what: 'a service without servers',
    check: 'services',
    text: /10\.1\.0\.100:81 has no servers/,
    break: [`uvsadm -A -t ${VIP}:81`],
    mendOn: null,
    after: [`uvsadm -D -t ${VIP}:81`],
  },
  {
    what: 'a service whose servers have no weight',
    check: 'services',
    text: /10\.1\.0\.100:81 have weight 0/,
    break: [`uvsadm -A -t ${VIP}:81`, `uvsadm -a -t ${VIP}:81 -r 10.2.0.11:80 -m -w 0`],
    after: [`uvsadm -D -t ${VIP}:81`],
  },
  {
    what: "a virtual address that isn't this host's",
    check: 'virtual-addresses',
    text: /10\.1\.0\.100 \(10\.1\.0\.100:80\) is not an address of this host/,
    break: [`ip addr del ${VIP}/32 dev ext0`],
  },
  {
    what: 'a virtual address that the kernel keeps to itself',
    check: 'virtual-addresses',
    text: /arp_ignore=1 keeps ext0 from answering/,
    break: [
      'sysctl -qw net.ipv4.conf.ext0.arp_ignore=1',
      `ip addr add ${VIP}/32 dev lo && ip addr del ${VIP}/32 dev ext0`,
    ],
    after: [`ip addr add ${VIP}/32 dev ext0 && ip addr del ${VIP}/32 dev lo`],
  },
  {
    what: 'a virtual address that another host has as well',
    check: 'virtual-addresses',
    text: /another host on ext0 \(MAC [0-9a-f:]+\) has 10\.1\.0\.100 as well/,
    break: [`ip addr add ${VIP}/32 dev lan0`],
    breakOn: 'client',
    mendOn: null,
    after: [`ip netns exec CLIENT ip addr del ${VIP}/32 dev lan0`],
  },
  {
    what: 'a server without a route',
    check: 'servers',
    text: /no route to server 10\.2\.0\.12/,
    break: ['ip route add unreachable 10.2.0.12/32'],
    mendOn: null,
    after: ['ip route del unreachable 10.2.0.12/32'],
  },
  {
    what: "a server on an interface that the director doesn't work on",
    check: 'servers',
    text: /10\.9\.0\.2 leads out of new0, which the director doesn't work on/,
    break: [
      'ip link add new0 type veth peer name new1 && ip link set new0 up && ip addr add 10.9.0.1/24 dev new0',
      'ip link set new1 up',
      `uvsadm -a -t ${VIP}:80 -r 10.9.0.2:80 -m -w 1`,
    ],
    mendOn: null,
    after: [`uvsadm -d -t ${VIP}:80 -r 10.9.0.2:80`, 'ip link del new0'],
  },
  {
    what: 'a server that is not there',
    check: 'servers',
    text: /server 10\.2\.0\.13 doesn't answer ARP on int0/,
    break: ['ip link set lan0 down'],
    breakOn: 'server3',
    mendOn: null,
    after: [
      'ip netns exec SERVER3 ip link set lan0 up',
      'ip netns exec SERVER3 ip route add default via 10.2.0.1',
    ],
  },
  {
    what: 'interfaces of different MTU',
    check: 'mtu',
    level: 'warning',
    text: /int0 has MTU 1400, the clients' ext0 has 1500/,
    break: ['ip link set int0 mtu 1400'],
    after: ['ip link set int0 mtu 1500', 'ip link set ext0 mtu 1500'],
  },
  {
    what: 'a route with an MTU of its own',
    check: 'mtu',
    level: 'warning',
    text: /route to 10\.2\.0\.12 has MTU 1300, its interface int0 1500/,
    break: ['ip route add 10.2.0.12/32 dev int0 mtu 1300'],
    mendOn: null,
    after: ['ip route del 10.2.0.12/32 dev int0'],
  },
  {
    what: 'a way that is narrower than its MTU',
    check: 'probe-mtu',
    level: 'warning',
    words: ['--probe'],
    text: /packets of 1500 bytes.* don't get to server 10\.2\.0\.12/,
    break: ['ip link set lan0 mtu 1300'],
    breakOn: 'server2',
    mendOn: null,
    after: ['ip netns exec SERVER2 ip link set lan0 mtu 1500'],
  },
  {
    what: 'a server that does not listen',
    check: 'probe-answers',
    words: ['--probe'],
    text: /nothing listens on 10\.2\.0\.11:81/,
    break: [`uvsadm -A -t ${VIP}:81`, `uvsadm -a -t ${VIP}:81 -r 10.2.0.11:81 -m`],
    mendOn: null,
    after: [`uvsadm -D -t ${VIP}:81`],
  },
  {
    what: 'a server with a firewall',
    check: 'probe-answers',
    words: ['--probe'],
    text: /server 10\.2\.0\.11:80 doesn't answer, neither this host nor client/,
    break: [
      "nft 'table ip f { chain c { type filter hook input priority 0; tcp dport 80 drop; }; }'",
    ],
    breakOn: 'server1',
    mendOn: null,
    after: ['ip netns exec SERVER1 nft delete table ip f'],
  },
  ...firewalls(),
  {
    what: "iptables' matches of several ports and addresses",
    check: 'firewall',
    level: 'warning',
    text: /rule \d+ of chain ip filter FORWARD drops server 10\.2\.0\.13's own connections/,
    break: [
      'iptables-nft -A FORWARD -p tcp -m iprange --src-range 10.2.0.13-10.2.0.14 -m multiport --dports 80,400:500 -j DROP',
    ],
    after: ['nft delete table ip filter'],
  },
  {
    what: "policy drop of iptables' older kind",
    check: 'legacy-iptables',
    level: 'warning',
    text: /drops what the kernel forwards, but for 0 rules/,
    break: ['iptables-legacy -P FORWARD DROP'],
    after: ['iptables-legacy -P FORWARD ACCEPT'],
  },
];

/** Each a table of one chain, or two. */
function firewalls(): Breakage[] {
  const rows: [what: string, level: Level, text: RegExp, family: string, chains: string][] = [
    [
      'policy drop for what is forwarded',
      'warning',
      /the policy of chain ip f c drops server 10\.2\.0\.1\d's own connections/,
      'ip',
      'chain c { type filter hook forward priority 0; policy drop; ct state established accept; iifname "other0" accept; };',
    ],
    [
      'a rule in a chain that is jumped to',
      'warning',
      /rule \d+ of chain inet f d drops server 10\.2\.0\.12's own connections/,
      'inet',
      'chain d { ip saddr 10.2.0.12 tcp dport 1-1000 counter reject; }; chain c { type filter hook forward priority 0; meta l4proto tcp jump d; };',
    ],
    [
      'policy drop for what comes in by lo',
      'warning',
      /the policy of chain inet f c drops packets to 10\.1\.0\.100:80 that uvsd hands back by lo/,
      'inet',
      'chain c { type filter hook input priority 0; policy drop; iifname "ext0" accept; };',
    ],
    [
      'a rule against what is sent to a server',
      'error',
      /rule \d+ of chain netdev f c drops what uvsd sends to server 10\.2\.0\.12:80/,
      'netdev',
      'chain c { type filter hook egress device int0 priority 0; ip daddr 10.2.0.12 tcp dport 80 drop; };',
    ],
    [
      'a rule against ARP for a virtual address',
      'error',
      /rule \d+ of chain arp f c drops ARP requests for 10\.1\.0\.100/,
      'arp',
      `chain c { type filter hook input priority 0; arp operation request arp daddr ip ${VIP} drop; };`,
    ],
    [
      'a rule with a set of networks and one of ports',
      'error',
      /rule \d+ of chain netdev f c drops what uvsd sends to server 10\.2\.0\.13:80/,
      'netdev',
      'set s { type ipv4_addr; flags interval; elements = { 10.0.0.0/23, 10.2.0.13-10.2.0.20 }; }; ' +
        'chain c { type filter hook egress device int0 priority 0; ip daddr @s tcp dport { 80, 8080-8090 } drop; };',
    ],
    [
      'a map of verdicts',
      'warning',
      /rule \d+ of chain inet f d drops server 10\.2\.0\.12's own connections/,
      'inet',
      'chain d { ip saddr . tcp dport { 10.2.0.11 . 80, 10.2.0.12 . 400-500 } drop; }; ' +
        'chain c { type filter hook forward priority 0; iifname vmap { "ext0" : drop, "int0" : jump d }; };',
    ],
    [
      'a rule that filters nothing',
      'note',
      /rule \d+ of chain netdev f c would drop clients' packets to 10\.1\.0\.100:80/,
      'netdev',
      `chain c { type filter hook ingress device ext0 priority 0; ip daddr ${VIP} drop; };`,
    ],
  ];
  return rows.map(([what, level, text, family, chains]) => ({
    what,
    check: 'firewall',
    level,
    text,
    break: [`nft 'table ${family} f { ${chains} }'`],
    mendOn: level === 'note' ? null : 'director',
    after: [`nft delete table ${family} f`],
  }));
}
