/**
 * Settings and timeouts in one record of a region, so that they outlive the process:
 *
 *     word   0      2 .. 12             15            16 ..
 *          +------+--+-------------------+-------------+---------------------------+
 *          | mark |  | timeouts, by state| UDP timeout | settings, by their order
 *          +------+--+-------------------+-------------+---------------------------+
 */
import { TIMEOUT_MAX_SECONDS, TIMEOUT_MAX_TICKS } from './clock.js';
import { defaultTimeouts } from './conn/states.js';
import { type RecordLayout, type Region, VALID } from './memory/region.js';
import { SETTING_NAMES, type Settings } from './settings.js';

export const SETTINGS_LAYOUT: RecordLayout = { kind: 5, version: 2, recordWords: 64 };

const RECORD = 1;
const TIMEOUTS = 2;
const UDP_TIMEOUT = 15;
const SETTINGS = 16;
/** ip_vs's default, kept and shown although UDP isn't built. */
const UDP_TIMEOUT_SECONDS = 300;

export class KeptSettings {
  /** Timeouts by TCP state, in ticks. */
  readonly timeouts: Int32Array;
  private readonly words: Int32Array;
  private readonly base: number;

  /** Memory that holds none yet gets the defaults. Throws RegionError where there is no memory. */
  constructor(region: Region) {
    this.words = region.words;
    this.base = region.base(RECORD);
    const timeouts = defaultTimeouts();
    const first = this.base + TIMEOUTS;
    this.timeouts = this.words.subarray(first, first + timeouts.length);
    if (region.isValid(RECORD)) return;
    region.require(RECORD);
    this.timeouts.set(timeouts);
    this.udpTimeoutSeconds = UDP_TIMEOUT_SECONDS;
  }

  get udpTimeoutSeconds(): number {
    return this.words[this.base + UDP_TIMEOUT];
  }

  set udpTimeoutSeconds(seconds: number) {
    this.words[this.base + UDP_TIMEOUT] = seconds;
  }

  /** Takes over what was kept; keeps what there is where nothing was. */
  load(settings: Settings): void {
    if (this.words[this.base] !== VALID) {
      this.save(settings);
      return;
    }
    SETTING_NAMES.forEach((name, i) => {
      settings.set(name, this.words[this.base + SETTINGS + i]);
    });
  }

  /** Puts defaults in the place of timeouts that can't have been set. @returns how many there were */
  rebuild(): number {
    let damaged = 0;
    for (const [state, timeout] of defaultTimeouts().entries()) {
      if (this.timeouts[state] > 0 && this.timeouts[state] <= TIMEOUT_MAX_TICKS) continue;
      this.timeouts[state] = timeout;
      damaged++;
    }
    if (this.udpTimeoutSeconds > 0 && this.udpTimeoutSeconds <= TIMEOUT_MAX_SECONDS) return damaged;
    this.udpTimeoutSeconds = UDP_TIMEOUT_SECONDS;
    return damaged + 1;
  }

  save(settings: Settings): void {
    SETTING_NAMES.forEach((name, i) => {
      this.words[this.base + SETTINGS + i] = settings.get(name);
    });
    this.words[this.base] = VALID;
  }
}
