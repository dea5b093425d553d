/** Copies of frames as traces tell about them: their beginning, with the checksum that a network card would fill in. */
import { completeChecksum } from '../../../dataplane/fragments/segments.js';
import { OFFLOAD_PARTIAL_CHECKSUM } from '../../../dataplane/offload.js';
import { TRACE_FRAME_BYTES_MAX, type TracedFrame } from '../../control/trace.js';
import { FrameView } from '../../decisions/packet-view.js';
import { PROTOCOL_TCP, headerBytes, protocol, totalLength } from '../../../dataplane/wire/ipv4.js';

const view = new FrameView();

/** A frame as it was received, kept while the engine rewrites it. */
export class FrameCopy {
  length = 0;
  port = 0;
  offload = 0;
  private readonly bytes = new Uint8Array(TRACE_FRAME_BYTES_MAX);

  /** Keeps the first `bytesMax` bytes. */
  take(
    memory: Uint8Array,
    offset: number,
    length: number,
    port: number,
    offload: number,
    bytesMax: number,
  ): void {
    this.length = length;
    this.port = port;
    this.offload = offload;
    this.bytes.set(memory.subarray(offset, offset + Math.min(length, bytesMax)));
  }

  /** `bytesMax` is at most what was kept. */
  traced(interfaceName: string, bytesMax: number): TracedFrame {
    return tracedFrame(interfaceName, this.bytes, this.length, this.offload, bytesMax);
  }
}

/**
 * The frame at the beginning of `memory`, of `length` bytes.
 * @param offload as in dataplane/offload.ts
 */
export function tracedFrame(
  interfaceName: string,
  memory: Uint8Array,
  length: number,
  offload: number,
  bytesMax: number,
): TracedFrame {
  const bytes = Buffer.from(memory.subarray(0, Math.min(length, bytesMax)));
  const isPartial = (offload & OFFLOAD_PARTIAL_CHECKSUM) !== 0;
  if (isPartial && bytes.length === length) fillChecksum(bytes);
  return { interface: interfaceName, lengthBytes: length, bytes: bytes.toString('base64') };
}

function fillChecksum(frame: Uint8Array): void {
  view.look(frame, 0, frame.length);
  const { ip, segment } = view;
  if (segment === 0 || view.isFragment || protocol(frame, ip) !== PROTOCOL_TCP) return;
  completeChecksum(frame, ip, segment, totalLength(frame, ip) - headerBytes(frame, ip));
}
