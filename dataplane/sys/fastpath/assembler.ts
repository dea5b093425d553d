/**
 * eBPF, the language of programs in the kernel's packet path: a small assembler.
 *
 *     struct bpf_insn:  | code 1 | source 4 bits, target 4 bits | offset 2 | immediate 4 |
 *
 * Eleven registers of 64 bits: R0 result, R1 to R5 arguments (lost in a call), R6 to R9 kept, R10 end of a stack of 512 bytes.
 * Jumps go to labels. Source: linux/bpf.h, Documentation/bpf/standardization/instruction-set.rst.
 */
export const INSTRUCTION_BYTES = 8;

export interface Register {
  readonly register: number;
}

const register = (number: number): Register => ({ register: number });
export const [R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10] = Array.from({ length: 11 }, (_, i) =>
  register(i),
);

/** Of a load or store, in bytes. */
export type Size = 1 | 2 | 4 | 8;

export interface Instruction {
  code: number;
  target: number;
  source: number;
  offset: number;
  /** int32. */
  immediate: number;
  /** Of a jump: where to. */
  label?: string;
}

/** A text is a label: the name of the place where it stands. */
export type Item = Instruction | string;

type Operand = Register | number;

const LD = 0x00;
const LDX = 0x01;
const ST = 0x02;
const STX = 0x03;
const ALU32 = 0x04;
const JMP = 0x05;
const JMP32 = 0x06;
const ALU64 = 0x07;
const ABSOLUTE = 0x20;
const INDIRECT = 0x40;
const MEMORY = 0x60;
const ATOMIC = 0xc0;
const FETCH = 1;
const EXCHANGE = 0xe0 | FETCH;
const COMPARE_EXCHANGE = 0xf0 | FETCH;
const FROM_REGISTER = 0x08;
const CALL = 0x80;
const EXIT = 0x90;
const PSEUDO_MAP_FD = 1;
const SIZES: Record<Size, number> = { 4: 0x00, 2: 0x08, 1: 0x10, 8: 0x18 };
const ALU = {
  add: 0x00,
  subtract: 0x10,
  multiply: 0x20,
  divide: 0x30,
  or: 0x40,
  and: 0x50,
  shiftLeft: 0x60,
  shiftRight: 0x70,
  xor: 0xa0,
  move: 0xb0,
} as const;
const CONDITIONS = {
  equal: 0x10,
  above: 0x20,
  atLeast: 0x30,
  anyBit: 0x40,
  notEqual: 0x50,
} as const;

function instruction(
  code: number,
  { register: target }: Register,
  operand: Operand,
  offset = 0,
): Instruction {
  return typeof operand === 'number'
    ? { code, target, source: 0, offset, immediate: operand | 0 }
    : { code: code | FROM_REGISTER, target, source: operand.register, offset, immediate: 0 };
}

/** On all 64 bits; a number is extended by its sign. */
export const compute = (operation: keyof typeof ALU, target: Register, operand: Operand): Item =>
  instruction(ALU64 | ALU[operation], target, operand);
/** On the lower 32 bits; the upper ones become 0. */
export const compute32 = (operation: keyof typeof ALU, target: Register, operand: Operand): Item =>
  instruction(ALU32 | ALU[operation], target, operand);
export const move = (target: Register, operand: Operand): Item => compute('move', target, operand);

/** A constant of 64 bits: it takes two instructions. */
export const moveWide = (target: Register, low: number, high: number): Item[] => [
  instruction(LD | SIZES[8], target, low),
  instruction(0, R0, high),
];
/** The address of a map. */
export const moveMap = (target: Register, fd: number): Item[] => [
  { ...instruction(LD | SIZES[8], target, fd), source: PSEUDO_MAP_FD },
  instruction(0, R0, 0),
];

export const load = (size: Size, target: Register, base: Register, offset: number): Item => ({
  ...instruction(LDX | MEMORY | SIZES[size], target, 0, offset),
  source: base.register,
});
export const store = (size: Size, base: Register, offset: number, value: Operand): Item =>
  typeof value === 'number'
    ? instruction(ST | MEMORY | SIZES[size], base, value, offset)
    : {
        ...instruction(STX | MEMORY | SIZES[size], base, 0, offset),
        source: value.register,
      };
/** Adds a register to memory, in one piece whatever other processors do. */
export const atomicAdd = (size: 4 | 8, base: Register, offset: number, value: Register): Item => ({
  ...instruction(STX | ATOMIC | SIZES[size], base, 0, offset),
  source: value.register,
});
/** The same; what was there before goes into the register. */
export const atomicFetchAdd = (
  size: 4 | 8,
  base: Register,
  offset: number,
  value: Register,
): Item => ({
  ...instruction(STX | ATOMIC | SIZES[size], base, FETCH, offset),
  source: value.register,
});
/** Puts a register's value into memory, and what was there into the register. */
export const atomicExchange = (
  size: 4 | 8,
  base: Register,
  offset: number,
  value: Register,
): Item => ({
  ...instruction(STX | ATOMIC | SIZES[size], base, EXCHANGE, offset),
  source: value.register,
});
/** Puts a register's value into memory where R0's is there; what was there goes into R0. */
export const atomicCompareExchange = (
  size: 4 | 8,
  base: Register,
  offset: number,
  value: Register,
): Item => ({
  ...instruction(STX | ATOMIC | SIZES[size], base, COMPARE_EXCHANGE, offset),
  source: value.register,
});
/**
 * Loads from the packet at an offset, or at one past a register, into R0, in host order; R6 must hold the
 * context. A socket filter ends with 0 where the packet is shorter.
 */
export const loadPacket = (size: 1 | 2 | 4, offset: number, past?: Register): Item =>
  past === undefined
    ? instruction(LD | ABSOLUTE | SIZES[size], R0, offset)
    : {
        ...instruction(LD | INDIRECT | SIZES[size], R0, offset),
        source: past.register,
      };

/** Compares the lower 32 bits, unsigned. */
export const jumpIf = (
  condition: keyof typeof CONDITIONS,
  target: Register,
  operand: Operand,
  label: string,
): Item => ({ ...instruction(JMP32 | CONDITIONS[condition], target, operand), label });
/** Compares all 64 bits with 0: what tells a pointer that is none. */
export const jumpIfNull = (target: Register, label: string): Item => ({
  ...instruction(JMP | CONDITIONS.equal, target, 0),
  label,
});
export const goto = (label: string): Item => ({ ...instruction(JMP, R0, 0), label });
/** Calls a function of the kernel by its number (linux/bpf.h, enum bpf_func_id). */
export const call = (helper: number): Item => instruction(JMP | CALL, R0, helper);
export const exit = (): Item => instruction(JMP | EXIT, R0, 0);

/** Puts the instructions into bytes and the labels' places into the jumps. */
export function assemble(items: readonly Item[]): Uint8Array {
  const places = new Map<string, number>();
  const instructions: Instruction[] = [];
  for (const item of items) {
    if (typeof item === 'string') places.set(item, instructions.length);
    else instructions.push(item);
  }
  const bytes = Buffer.alloc(instructions.length * INSTRUCTION_BYTES);
  for (const [i, { code, target, source, offset, immediate, label }] of instructions.entries()) {
    const distance = label === undefined ? offset : placeOf(places, label) - (i + 1);
    bytes.writeUInt8(code, i * INSTRUCTION_BYTES);
    bytes.writeUInt8((source << 4) | target, i * INSTRUCTION_BYTES + 1);
    bytes.writeInt16LE(distance, i * INSTRUCTION_BYTES + 2);
    bytes.writeInt32LE(immediate, i * INSTRUCTION_BYTES + 4);
  }
  return bytes;
}

function placeOf(places: ReadonlyMap<string, number>, label: string): number {
  const place = places.get(label);
  if (place === undefined) throw new RangeError(`no place is called ${label}`);
  return place;
}
