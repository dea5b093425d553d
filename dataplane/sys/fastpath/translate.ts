/**
 * Classic BPF in eBPF: the socket filters of dataplane/sys/filter.ts and driver/ring-filters.ts, so that something can
 * be put between them. The accumulator becomes R0, the index register R7, and R8 is lost; R6 must hold the context.
 * Only the instructions that dataplane/sys/bpf.ts makes are known.
 */
import { AD_PACKET_TYPE, AD_VLAN_TAG_PRESENT } from '../bpf.js';
import {
  compute32,
  exit,
  goto,
  jumpIf,
  load,
  loadPacket,
  move,
  R0,
  R6,
  R7,
  R8,
  type Item,
} from './assembler.js';
import { SKB_LENGTH, SKB_PACKET_TYPE, SKB_VLAN_PRESENT } from './context.js';

const CLASSIC_BYTES = 8;
const JUMP_ALWAYS = 0x05;
const RETURN = 0x06;
/** Conditional jumps, by their code. */
const CONDITIONS = new Map([
  [0x15, 'equal'],
  [0x35, 'atLeast'],
  [0x45, 'anyBit'],
] as const);

interface Classic {
  code: number;
  ifTrue: number;
  ifFalse: number;
  k: number;
}

/**
 * @param program classic instructions, 8 bytes each
 * @param prefix tells the labels of several translations in one program apart
 * @returns instructions that end, or fall off their end where the classic ones do
 */
export function translate(program: Uint8Array, prefix: string): Item[] {
  const classic = read(program);
  const label = (place: number): string => `${prefix} ${place}`;
  const reached = reachable(classic);
  const items: Item[] = [];
  for (const [i, instruction] of classic.entries()) {
    // The kernel refuses programs with instructions that are never reached.
    if (!reached.has(i)) continue;
    items.push(label(i), ...translateOne(instruction, i + 1, label));
  }
  return [...items, label(classic.length)];
}

function translateOne(
  { code, ifTrue, ifFalse, k }: Classic,
  next: number,
  label: (place: number) => string,
): Item[] {
  const condition = CONDITIONS.get(code as 0x15);
  if (condition !== undefined) {
    const otherwise = ifFalse === 0 ? [] : [goto(label(next + ifFalse))];
    return [jumpIf(condition, R0, k, label(next + ifTrue)), ...otherwise];
  }
  switch (code) {
    case JUMP_ALWAYS:
      return [goto(label(next + k))];
    case RETURN:
      return [compute32('move', R0, k), exit()];
    case 0x80:
      return [load(4, R0, R6, SKB_LENGTH)];
    case 0x20:
      return [loadPacket(4, k)];
    case 0x28:
      return [loadPacket(2, k)];
    case 0x30:
      return [loadByte(k)];
    case 0x48:
      return [loadPacket(2, k, R7)];
    case 0x50:
      return [loadPacket(1, k, R7)];
    case 0xb1:
      return [
        move(R8, R0),
        loadPacket(1, k),
        compute32('and', R0, 0xf),
        compute32('shiftLeft', R0, 2),
        move(R7, R0),
        move(R0, R8),
      ];
    case 0x1c:
      return [compute32('subtract', R0, R7)];
    default:
      throw new RangeError(`classic BPF instruction 0x${code.toString(16)} has no translation`);
  }
}

function loadByte(k: number): Item {
  if (k === AD_PACKET_TYPE) return load(4, R0, R6, SKB_PACKET_TYPE);
  if (k === AD_VLAN_TAG_PRESENT) return load(4, R0, R6, SKB_VLAN_PRESENT);
  return loadPacket(1, k);
}

function read(program: Uint8Array): Classic[] {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  return Array.from({ length: program.length / CLASSIC_BYTES }, (_, i) => ({
    code: view.getUint16(i * CLASSIC_BYTES, true),
    ifTrue: view.getUint8(i * CLASSIC_BYTES + 2),
    ifFalse: view.getUint8(i * CLASSIC_BYTES + 3),
    k: view.getUint32(i * CLASSIC_BYTES + 4, true),
  }));
}

function reachable(classic: readonly Classic[]): Set<number> {
  const reached = new Set<number>();
  const open = [0];
  for (let i = open.pop(); i !== undefined; i = open.pop()) {
    if (i >= classic.length || reached.has(i)) continue;
    reached.add(i);
    const { code, ifTrue, ifFalse, k } = classic[i];
    if (CONDITIONS.has(code as 0x15)) open.push(i + 1 + ifTrue, i + 1 + ifFalse);
    else if (code === JUMP_ALWAYS) open.push(i + 1 + k);
    else if (code !== RETURN) open.push(i + 1);
  }
  return reached;
}
