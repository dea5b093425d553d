/** Opens a capture file, whichever of the two formats it has. */
import { PcapReader } from './pcap.js';
import { BLOCK_SECTION, PcapngReader } from './pcapng.js';
import { CaptureError, type CaptureReader } from './reader.js';
import { CaptureWindow, fileSource } from './window.js';

/** Throws CaptureError where it is no capture, and what the file system says where it can't be read. */
export function openCapture(path: string): CaptureReader {
  return readCapture(path, new CaptureWindow(fileSource(path)));
}

/** Reads what a window shows, which is called `path` in messages. Throws CaptureError, the window closed. */
export function readCapture(path: string, window: CaptureWindow): CaptureReader {
  try {
    if (!window.fill(4)) throw new CaptureError(`${path}: too short for a capture`);
    // The section block's type reads the same in both byte orders.
    const [a, b, c, d] = window.memory.subarray(window.position);
    const isSection = ((a << 24) | (b << 16) | (c << 8) | d) === BLOCK_SECTION;
    return isSection ? new PcapngReader(path, window) : new PcapReader(path, window);
  } catch (error) {
    window.close();
    throw error;
  }
}
