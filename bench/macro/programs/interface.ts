/** The one network interface of a lab's host, opened with the ring driver for programs that make or count packets. */
import { readFileSync } from 'node:fs';
import { RingDriver } from '../../../dataplane/driver/ring.js';
import {
  assemble,
  ifEqual,
  keep,
  loadByte,
  loadHalf,
  type Instruction,
} from '../../../dataplane/sys/bpf.js';
import { macBytes } from './addresses.js';
import { ETHERTYPE_IPV4, IP, TCP_PROTOCOL } from './segment.js';

const NAME = 'lan0';
export const PORT = 0;
const ALL_BYTES = 0x40000;

/** Receives TCP packets that `wanted` lets pass: instructions that end with a load and the value it must give. */
export function openInterface(
  smallSlots: number,
  wanted: { load: Instruction; value: number },
): { driver: RingDriver; mac: number[] } {
  const driver = new RingDriver({ smallSlots, largeSlots: 32 });
  driver.attachFilter(
    assemble([
      loadHalf(12),
      ifEqual(ETHERTYPE_IPV4, 0, 4),
      loadByte(IP + 9),
      ifEqual(TCP_PROTOCOL, 0, 2),
      wanted.load,
      ifEqual(wanted.value, 1, 0),
      keep(0),
      keep(ALL_BYTES),
    ]),
  );
  driver.openPort(PORT, Number(fromSystem('ifindex')));
  return { driver, mac: macBytes(fromSystem('address')) };
}

function fromSystem(file: string): string {
  return readFileSync(`/sys/class/net/${NAME}/${file}`, 'utf8').trim();
}
