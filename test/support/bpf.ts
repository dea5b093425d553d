/** A classic BPF machine, for what socket filters of ours are made of. */

/** What a filter sees of a frame besides its bytes. */
export interface FrameContext {
  packetType: number;
  vlanTagPresent: boolean;
}

const AD_PACKET_TYPE = 0xfffff004;
const AD_VLAN_TAG_PRESENT = 0xfffff030;

/** Runs a program over a frame. Returns how many bytes it keeps; a load beyond the frame's end keeps none. */
export function runBpf(program: Uint8Array, frame: Uint8Array, context: FrameContext): number {
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
  let a = 0;
  let x = 0;
  for (let pc = 0; pc * 8 < program.length; pc++) {
    const operation = code.getUint16(pc * 8, true);
    const ifTrue = code.getUint8(pc * 8 + 2);
    const ifFalse = code.getUint8(pc * 8 + 3);
    const k = code.getUint32(pc * 8 + 4, true);
    try {
      switch (operation) {
        case 0x20:
          a = bytes.readUInt32BE(k);
          break;
        case 0x28:
          a = bytes.readUInt16BE(k);
          break;
        case 0x48:
          a = bytes.readUInt16BE(x + k);
          break;
        case 0x30:
          if (k === AD_PACKET_TYPE) a = context.packetType;
          else if (k === AD_VLAN_TAG_PRESENT) a = context.vlanTagPresent ? 1 : 0;
          else a = bytes.readUInt8(k);
          break;
        case 0x50:
          a = bytes.readUInt8(x + k);
          break;
        case 0x80:
          a = frame.length;
          break;
        case 0x1c:
          a = (a - x) >>> 0;
          break;
        case 0xb1:
          x = 4 * (bytes.readUInt8(k) & 0xf);
          break;
        case 0x05:
          pc += k;
          break;
        case 0x15:
          pc += a === k ? ifTrue : ifFalse;
          break;
        case 0x35:
          pc += a >= k ? ifTrue : ifFalse;
          break;
        case 0x45:
          pc += (a & k) !== 0 ? ifTrue : ifFalse;
          break;
        case 0x06:
          return k;
        default:
          throw new Error(`unknown instruction ${operation} at ${pc}`);
      }
    } catch (error) {
      if (error instanceof RangeError) return 0;
      throw error;
    }
  }
  throw new Error('the program has no end');
}
