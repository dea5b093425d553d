/** Debian's Chromium on a host of a lab, driven by Playwright. */
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import type { Host } from '../../../lab/host.js';

export const CHROMIUM = '/usr/bin/chromium';

export function hasChromium(): boolean {
  return existsSync(CHROMIUM);
}

/** Starts it in the host's network namespace. Its own sandbox doesn't work for root. */
export function openBrowser(host: Host): Promise<Browser> {
  const launcher = join(host.folder, 'chromium');
  const command = `exec ip netns exec ${host.namespace} ${CHROMIUM} "$@"`;
  writeFileSync(launcher, `#!/bin/sh\n${command}\n`);
  chmodSync(launcher, 0o755);
  return chromium.launch({
    executablePath: launcher,
    env: { ...process.env, HOME: host.folder },
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  });
}
