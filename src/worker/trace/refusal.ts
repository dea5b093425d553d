/** Why a packet was answered with an ICMP error, by the error's type and code. */
import type { DropName } from '../../../dataplane/drops.js';
import type { FrameQueue } from '../../../dataplane/frame-queue.js';
import { ipv4FrameHeaderBytes } from '../../../dataplane/wire/ethernet.js';
import * as icmp from '../../../dataplane/wire/icmp.js';
import * as ipv4 from '../../../dataplane/wire/ipv4.js';

/** Null where the answers are something else: a packet in fragments. */
export function refusalOf({ memory, offset, length, count }: FrameQueue): DropName | null {
  if (count !== 1) return null;
  const ip = offset[0] + ipv4FrameHeaderBytes(memory, offset[0], length[0]);
  if (ipv4.protocol(memory, ip) !== ipv4.PROTOCOL_ICMP) return null;
  const message = ip + ipv4.headerBytes(memory, ip);
  const code = memory[message + 1];
  switch (memory[message]) {
    case icmp.TYPE_TIME_EXCEEDED:
      return 'ttl_exceeded';
    case icmp.TYPE_UNREACHABLE:
      return code === icmp.CODE_FRAGMENTATION_NEEDED ? 'fragmentation_needed' : 'no_destination';
    default:
      return null;
  }
}
