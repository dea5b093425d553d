/**
 * The programs that forward connections inside the kernel. They run at a port's ingress, one after the other, and look into
 * the table of flows (dataplane/flows/layout.ts) in the same way:
 *
 *     frame --> filters of the packet sockets --> traffic control --> interception, which hides it from the kernel
 *                 a flow's packet: no copy          a flow's packet: rewritten, out of another port
 *                 anything else: as ever            anything else: as ever
 *
 * A flow's packet is plain TCP over IPv4 to this host's MAC address: a sound IP header without options, no fragment, no VLAN
 * tag; with ACK, and with SYN from servers only; with some TTL left, and not too long for the way out. Whatever else there is comes to
 * the data plane, but for SYNs that it has decided on ahead (open-connection.ts): of these the filter makes flows, and they
 * pass. Packets that may change a connection's state are reported to it.
 */
import {
  BUCKETS,
  BYTES_LOW,
  FORWARD_GENERATION,
  IFINDEX,
  NEW_PORT,
  OPENS,
  PACKETS,
  REPORT,
  REPORT_NEXT,
  REPORT_SLOT_SHIFT,
  SKIP_GENERATION,
  KEY,
} from '../../flows/layout.js';
import {
  assemble,
  atomicAdd,
  call,
  compute32,
  exit,
  goto,
  jumpIf,
  load,
  move,
  R0,
  R1,
  R10,
  R2,
  R6,
  R7,
  R8,
  R9,
  store,
  type Item,
} from './assembler.js';
import * as kernel from './context.js';
import { ACK, findFlow, SYN, type FlowMap } from './find-flow.js';
import { totalLength } from './headers.js';
import { openConnection } from './open-connection.js';
import { rewriteHeaders, rewritePorts } from './rewrite.js';
import { HEADERS, TCP_FLAGS, word } from './stack.js';
import { makeReport } from './report.js';
import { translate } from './translate.js';

const FIN_SYN_RST = 0x07;

/** What a ring takes: classic instructions, as the next ones. */
interface RingFilter {
  length: Uint8Array;
  kind: Uint8Array;
}

/** A socket filter: what isn't a flow's goes on to what else the ring doesn't take, and then `after`, classic instructions. */
export function skippingFilter(map: FlowMap, ring: RingFilter, after: Uint8Array): Uint8Array {
  return assemble([
    move(R6, R1),
    ...translate(ring.length, 'length'),
    ...findFlow(map, SKIP_GENERATION, 'not a flow'),
    compute32('move', R0, 0),
    exit(),
    'not a flow',
    ...translate(ring.kind, 'kind'),
    ...translate(after, 'wanted'),
  ]);
}

/**
 * The same for the ring of SYNs: what the kernel opens by itself stays out of it, and is the forwarding program's in a
 * moment.
 */
export function openingFilter(map: FlowMap, ring: RingFilter, after: Uint8Array): Uint8Array {
  return assemble([
    move(R6, R1),
    ...translate(ring.length, 'length'),
    ...translate(ring.kind, 'kind'),
    ...openConnection(map, 'not opened'),
    compute32('move', R0, 0),
    exit(),
    'not opened',
    ...translate(after, 'wanted'),
  ]);
}

/** For traffic control: rewrites a flow's packets and sends them on. */
export function forwardingProgram(map: FlowMap): Uint8Array {
  return assemble([
    move(R6, R1),
    ...findFlow(map, FORWARD_GENERATION, 'not a flow'),
    ...countPacket(),
    ...report(map),
    ...rewriteHeaders(),
    ...rewritePorts(),
    load(4, R1, R9, word(IFINDEX)),
    move(R2, 0),
    call(kernel.HELPER_REDIRECT),
    exit(),
    'not a flow',
    move(R0, kernel.TC_ACT_UNSPEC),
    exit(),
  ]);
}

function countPacket(): Item[] {
  return [
    move(R1, 1),
    atomicAdd(4, R9, word(PACKETS), R1),
    ...totalLength(R1),
    atomicAdd(8, R9, word(BYTES_LOW), R1),
  ];
}

/**
 * Where the packet has one of SYN, FIN and RST, or the data plane has asked for it. The SYN that a flow was made for has
 * been reported with that.
 */
function report(map: FlowMap): Item[] {
  return [
    load(4, R7, R9, word(REPORT)),
    load(1, R8, R10, HEADERS + TCP_FLAGS),
    jumpIf('anyBit', R8, ACK, 'may be reported'),
    load(4, R0, R9, word(NEW_PORT)),
    compute32('and', R0, ~OPENS),
    store(4, R9, word(NEW_PORT), R0),
    goto('not reported'),
    'may be reported',
    jumpIf('anyBit', R7, REPORT_NEXT, 'reported once'),
    jumpIf('anyBit', R8, FIN_SYN_RST, 'reported'),
    goto('not reported'),
    'reported once',
    // What was asked for is what follows on a handshake's first packets.
    jumpIf('anyBit', R8, SYN, 'reported'),
    compute32('and', R7, ~REPORT_NEXT),
    store(4, R9, word(REPORT), R7),
    'reported',
    compute32('shiftRight', R7, REPORT_SLOT_SHIFT),
    compute32('shiftLeft', R7, 8),
    compute32('or', R7, R8),
    ...makeReport(map, R7),
    'not reported',
  ];
}

/** The words of a table's last bucket, which say how it is to be read. */
export function describeTable(
  words: Int32Array,
  { buckets, key }: Pick<FlowMap, 'buckets' | 'key'>,
): void {
  words.set(key, KEY);
  words[BUCKETS] = buckets;
}
