/** The rules that hide packets from the kernel; what they are together stands in interception.ts. */
import {
  LINK_HEADER,
  NETWORK_HEADER,
  TRANSPORT_HEADER,
  WORD_0,
  WORD_1,
  counter,
  differs,
  drop,
  equals,
  isIn,
  jump,
  load,
  loadInputInterface,
  loadOutputInterface,
  loadPacketType,
  mask,
} from './nft-expressions.js';
import {
  NF_INET_FORWARD,
  NF_INET_LOCAL_IN,
  NF_NETDEV_INGRESS,
  type Expression,
  type TableChange,
} from './nftables.js';

const CAPTURE = 'capture';
const CAPTURE_ERRORS = 'capture_errors';
const GUARD_INPUT = 'guard_input';
const GUARD_FORWARD = 'guard_forward';
/** Before anybody else's filters. */
const PRIORITY_FIRST = -450;

const IP_FRAGMENT = 6;
const IP_PROTOCOL = 9;
const IP_SOURCE = 12;
const IP_DESTINATION = 16;
const TCP_SOURCE_PORT = 0;
const TCP_DESTINATION_PORT = 2;
/** Of an ICMP message: where the IP packet it quotes begins, and that one's TCP header. */
const QUOTED_IP = 8;
const QUOTED_TCP = QUOTED_IP + 20;
const ICMP_ERROR_TYPES = [3, 4, 11];
/** First byte of an IPv4 header without options. */
const PLAIN_HEADER = 0x45;

/** The chain with the rules for each set; the sets must be there. */
export function addCaptureRules(change: TableChange): void {
  change.addChain(CAPTURE);
  const destination = [
    load(NETWORK_HEADER, IP_DESTINATION, 4, WORD_0),
    load(TRANSPORT_HEADER, TCP_DESTINATION_PORT, 2, WORD_1),
  ];
  const source = [
    load(NETWORK_HEADER, IP_SOURCE, 4, WORD_0),
    load(TRANSPORT_HEADER, TCP_SOURCE_PORT, 2, WORD_1),
  ];
  addHidingRules(change, CAPTURE, destination, source);
}

/** The same for errors, which quote a packet that went the other way: from a virtual endpoint, or to a real one. */
export function addErrorRules(change: TableChange): void {
  change.addChain(CAPTURE_ERRORS);
  const source = [
    load(TRANSPORT_HEADER, QUOTED_IP + IP_SOURCE, 4, WORD_0),
    load(TRANSPORT_HEADER, QUOTED_TCP + TCP_SOURCE_PORT, 2, WORD_1),
  ];
  const destination = [
    load(TRANSPORT_HEADER, QUOTED_IP + IP_DESTINATION, 4, WORD_0),
    load(TRANSPORT_HEADER, QUOTED_TCP + TCP_DESTINATION_PORT, 2, WORD_1),
  ];
  addHidingRules(change, CAPTURE_ERRORS, source, destination);
}

/** `virtual` and `real` load an address into WORD_0 and a port into WORD_1. */
function addHidingRules(
  change: TableChange,
  chain: string,
  virtual: Expression[],
  real: Expression[],
): void {
  const hide = [counter(), drop()];
  change.addRule(chain, [...virtual, isIn('virtual_endpoints', WORD_0), ...hide]);
  change.addRule(chain, [...real, isIn('real_endpoints', WORD_0), ...hide]);
  change.addRule(chain, [virtual[0], isIn('virtual_hosts', WORD_0), ...hide]);
  change.addRule(chain, [real[0], isIn('real_hosts', WORD_0), ...hide]);
}

/** The chain that looks at all packets which come in by a device. */
export function addIngressChain(change: TableChange, device: string): void {
  const name = `ingress_${device}`;
  change.addChain(name, { type: 'filter', number: NF_NETDEV_INGRESS, priority: 0, device });
  const toThisHost = [
    // Of a tagged frame this loads the tag's type, whether or not the tag is in the frame's bytes.
    load(LINK_HEADER, 12, 2),
    equals(0x08, 0x00),
    loadPacketType(),
    equals(0),
  ];
  change.addRule(name, [...toThisHost, ...tcpWithPorts(), jump(CAPTURE)]);
  for (const type of ICMP_ERROR_TYPES) {
    change.addRule(name, [...toThisHost, ...errorAboutTcp(type), jump(CAPTURE_ERRORS)]);
  }
}

/**
 * The chains that look at packets of these interfaces which no hook of theirs has seen; after `addCaptureRules`.
 * Not in prerouting: with br_netfilter a bridge's frames pass that before they come to the bridge's own hook, where a
 * packet socket gets its copy. What a bridge passes from port to port comes in and goes out by the bridge itself.
 */
export function addGuardChains(change: TableChange, ifindexes: readonly number[]): void {
  const hook = { type: 'filter', priority: PRIORITY_FIRST };
  change.addChain(GUARD_INPUT, { ...hook, number: NF_INET_LOCAL_IN });
  change.addChain(GUARD_FORWARD, { ...hook, number: NF_INET_FORWARD });
  for (const ifindex of ifindexes) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(ifindex);
    const fromThere = [loadInputInterface(), equals(...bytes)];
    const elsewhere = [loadOutputInterface(), differs(...bytes)];
    change.addRule(GUARD_INPUT, [...fromThere, ...tcpWithPorts(), jump(CAPTURE)]);
    change.addRule(GUARD_FORWARD, [...fromThere, ...elsewhere, ...tcpWithPorts(), jump(CAPTURE)]);
  }
}

/** TCP, and no later fragment. */
function tcpWithPorts(): Expression[] {
  return [
    load(NETWORK_HEADER, IP_PROTOCOL, 1),
    equals(6),
    load(NETWORK_HEADER, IP_FRAGMENT, 2),
    mask(0x1f, 0xff),
    equals(0, 0),
  ];
}

function errorAboutTcp(type: number): Expression[] {
  return [
    load(NETWORK_HEADER, IP_PROTOCOL, 1),
    equals(1),
    load(NETWORK_HEADER, 0, 1),
    equals(PLAIN_HEADER),
    load(NETWORK_HEADER, IP_FRAGMENT, 2),
    mask(0x3f, 0xff),
    equals(0, 0),
    load(TRANSPORT_HEADER, 0, 1),
    equals(type),
    load(TRANSPORT_HEADER, QUOTED_IP, 1),
    equals(PLAIN_HEADER),
    load(TRANSPORT_HEADER, QUOTED_IP + IP_PROTOCOL, 1),
    equals(6),
    load(TRANSPORT_HEADER, QUOTED_IP + IP_FRAGMENT, 2),
    mask(0x1f, 0xff),
    equals(0, 0),
  ];
}
