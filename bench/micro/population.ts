/** Live connections of numbered clients, the same ones in each of the subjects that are to be compared. */
import { ACK, FrameBatch, INNER, OUTER, SYN, SYN_ACK } from './traffic.js';
import type { Subject } from './subjects.js';

export class Population {
  readonly batch = new FrameBatch();
  /** The present, in ticks. It only moves forward. */
  now = 0;
  /** Connected clients are 0 to live - 1. */
  live = 0;
  /** By client: the last number of the address of its server. */
  private readonly hosts: Uint8Array;

  constructor(
    readonly subjects: readonly Subject[],
    capacity: number,
  ) {
    this.hosts = new Uint8Array(capacity);
  }

  hostOf(client: number): number {
    return this.hosts[client];
  }

  /** Connects clients until there are `count`, each with a complete handshake. */
  fill(count: number): void {
    while (this.live < count) {
      const first = this.live;
      const { batch } = this;
      batch.begin(OUTER);
      while (!batch.isFull && this.live < count) batch.addRequest(this.live++, SYN);
      this.processAlike('SYN');
      for (let i = 0; i < batch.count; i++) this.hosts[first + i] = batch.serverHost(i);
      batch.begin(INNER);
      for (let c = first; c < this.live; c++) batch.addReply(this.hosts[c], c, SYN_ACK);
      this.processAlike('SYN, ACK');
      batch.begin(OUTER);
      for (let c = first; c < this.live; c++) batch.addRequest(c, ACK);
      this.processAlike('ACK');
      this.now++;
    }
    for (const subject of this.subjects) subject.advance(this.now);
  }

  /** Lets time go by: what times out meanwhile is removed. */
  pass(ticks: number): void {
    this.now += ticks;
    for (const subject of this.subjects) subject.advance(this.now);
  }

  /** Has every subject process the batch and checks that they agree, and that all frames are sent. */
  processAlike(what: string): void {
    let expected: Uint8Array | undefined;
    for (const subject of this.subjects) {
      this.batch.restore();
      const unsent = subject.process(this.batch, this.now);
      if (unsent > 0) throw new Error(`${subject.name}: ${unsent} frames (${what}) were not sent`);
      const { memory } = this.batch;
      if (expected === undefined) expected = this.subjects.length > 1 ? memory.slice() : memory;
      else if (Buffer.compare(expected, memory) !== 0) {
        throw new Error(
          `${subject.name} makes other frames (${what}) than ${this.subjects[0].name}`,
        );
      }
    }
  }
}
