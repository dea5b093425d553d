/**
 * Classic BPF, the language of socket filters: a small assembler.
 *
 *     struct sock_filter:  | code 2 | jump if true 1 | jump if false 1 | k 4 |
 *
 * The accumulator holds what was loaded last. A conditional jump reaches 255 instructions ahead, counted from
 * the next one; a plain jump reaches everywhere and goes to a label. Source: linux/filter.h, and
 * Documentation/networking/filter.rst.
 */
/** Most instructions the kernel takes. */
export const BPF_MAXINSNS = 4096;
/** Farthest that a conditional jump reaches. */
export const JUMP_MAX = 255;
const INSTRUCTION_BYTES = 8;

const LD_W_ABS = 0x20;
const LD_H_ABS = 0x28;
const LD_B_ABS = 0x30;
const LD_H_IND = 0x48;
const LD_B_IND = 0x50;
const LD_W_LEN = 0x80;
const LDX_B_MSH = 0xb1;
const ALU_SUB_X = 0x1c;
const JMP_JA = 0x05;
const JMP_JEQ = 0x15;
const JMP_JGE = 0x35;
const JMP_JSET = 0x45;
const RET = 0x06;

/** Offsets from here on load what the kernel knows about a frame besides its bytes. */
const SKF_AD_OFF = 0xfffff000;
export const AD_PACKET_TYPE = SKF_AD_OFF + 4;
export const AD_VLAN_TAG_PRESENT = SKF_AD_OFF + 48;

export interface Instruction {
  code: number;
  ifTrue: number;
  ifFalse: number;
  k: number;
  /** Of a plain jump: where to. */
  label?: string;
}

/** A text is a label: the name of the place where it stands. */
export type Item = Instruction | string;

function instruction(code: number, k: number, ifTrue = 0, ifFalse = 0): Instruction {
  return { code, ifTrue, ifFalse, k: k >>> 0 };
}

/** Loads a word, half word or byte of the frame. */
export const loadWord = (offset: number): Instruction => instruction(LD_W_ABS, offset);
export const loadHalf = (offset: number): Instruction => instruction(LD_H_ABS, offset);
export const loadByte = (offset: number): Instruction => instruction(LD_B_ABS, offset);
/** Loads the frame's length. */
export const loadLength = (): Instruction => instruction(LD_W_LEN, 0);
/** Loads four times the low half of a byte, an IP header's length, into the index register. */
export const loadIndexHeaderLength = (offset: number): Instruction =>
  instruction(LDX_B_MSH, offset);
/** Loads a half word at `offset` past the index register. */
export const loadHalfIndexed = (offset: number): Instruction => instruction(LD_H_IND, offset);
/** Loads a byte at `offset` past the index register. */
export const loadByteIndexed = (offset: number): Instruction => instruction(LD_B_IND, offset);
/** Subtracts the index register from what was loaded. */
export const subtractIndex = (): Instruction => instruction(ALU_SUB_X, 0);

/** Conditional jumps, each over so many instructions. */
export const ifEqual = (k: number, ifTrue: number, ifFalse: number): Instruction =>
  instruction(JMP_JEQ, k, ifTrue, ifFalse);
export const ifAtLeast = (k: number, ifTrue: number, ifFalse: number): Instruction =>
  instruction(JMP_JGE, k, ifTrue, ifFalse);
export const ifAnyBit = (k: number, ifTrue: number, ifFalse: number): Instruction =>
  instruction(JMP_JSET, k, ifTrue, ifFalse);

/** Jumps over so many instructions, or to a label. */
export const skip = (count: number): Instruction => instruction(JMP_JA, count);
export const goto = (label: string): Instruction => ({ ...instruction(JMP_JA, 0), label });
/** Ends: keeps so many bytes of the frame, 0 rejects it. */
export const keep = (bytes: number): Instruction => instruction(RET, bytes);

/** Puts the instructions into bytes and the labels' places into the jumps. */
export function assemble(items: readonly Item[]): Uint8Array {
  const places = new Map<string, number>();
  const instructions: Instruction[] = [];
  for (const item of items) {
    if (typeof item === 'string') places.set(item, instructions.length);
    else instructions.push(item);
  }
  const bytes = Buffer.alloc(instructions.length * INSTRUCTION_BYTES);
  for (const [i, { code, ifTrue, ifFalse, k, label }] of instructions.entries()) {
    const target = label === undefined ? k : (places.get(label) ?? NaN) - (i + 1);
    const at = bytes.writeUInt16LE(code, i * INSTRUCTION_BYTES);
    bytes.writeUInt8(ifTrue, at);
    bytes.writeUInt8(ifFalse, at + 1);
    bytes.writeUInt32LE(target, at + 2);
  }
  return bytes;
}

export function instructionCount(program: Uint8Array): number {
  return program.length / INSTRUCTION_BYTES;
}
