/** Tables as directors that are killed leave them: with connections in every state, templates, deleted servers. */
import { Random } from '../../sim/random.js';
import { conduct } from './conduct.js';
import { randomFrames } from './frame-maker.js';
import { HOSTS } from './hosts.js';
import { Site } from './site.js';
import { FRAME_HEADER_BYTES } from './steps.js';

const IMAGES = 16;
const STEPS = 400;
const START_TICKS = 0x7fff0000;

/** The bytes of each table, for each of sixteen directors. */
export async function stateImages(): Promise<Uint8Array[][]> {
  const images: Uint8Array[][] = [];
  for (let image = 0; image < IMAGES; image++) {
    const random = new Random(image);
    const clock = { ticks: START_TICKS - STEPS };
    const site = new Site(clock);
    await site.setUp();
    for (let step = 0; step < STEPS; step++) {
      clock.ticks += 1;
      for (const frame of randomFrames(HOSTS, random)) {
        const bytes = frame.slice(FRAME_HEADER_BYTES);
        site.server.engine.process(bytes, 0, bytes.length, frame[1] & 1, 0, clock.ticks);
      }
      if (random.chance(0.02))
        conduct(site, 1 + random.below(7), random.below(256), () => undefined);
      site.server.advance(clock.ticks, STEPS);
    }
    images.push(site.save());
  }
  return images;
}
