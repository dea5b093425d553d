/** Traced packets as a pcapng file: each as it came, and each as it was sent, with the decision as a comment. */
import { PcapngWriter } from '../../../dataplane/driver/capture/pcapng-writer.js';
import type { TracedFrame, TracedPacket } from '../../control/trace.js';
import { packageVersion } from '../../package.js';
import { decisionText } from './line.js';

export class TraceCapture {
  private readonly writer: PcapngWriter;

  /** Creates the file, or empties it. Throws what the file system says. */
  constructor(path: string, frameBytesMax: number) {
    this.writer = new PcapngWriter(path, `uvs trace ${packageVersion()}`, frameBytesMax);
  }

  add(packet: TracedPacket): void {
    const { number, came, sent } = packet;
    const comment = decisionText(packet);
    if (came !== null) this.write(packet, came, 'in', `${number} in: ${comment}`);
    for (const frame of sent) this.write(packet, frame, 'out', `${number} out: ${comment}`);
  }

  flush(): void {
    this.writer.flush();
  }

  close(): void {
    this.writer.close();
  }

  private write(
    { atMs }: TracedPacket,
    { interface: name, lengthBytes, bytes }: TracedFrame,
    direction: 'in' | 'out',
    comment: string,
  ): void {
    const frame = { bytes: Buffer.from(bytes, 'base64'), lengthBytes };
    this.writer.write({ ...frame, interface: name, direction, atMs, comment });
  }
}
