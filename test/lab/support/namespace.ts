/** Running code of this process in a lab host's network namespace. */
import { closeSync, openSync } from 'node:fs';
import koffi from 'koffi';
import type { Host } from '../../../lab/host.js';

const CLONE_NEWNET = 0x4000_0000;
const setns = koffi.load(null).func('int setns(int, int)') as (fd: number, type: number) => number;

/**
 * Runs a synchronous function with this thread in the host's network namespace. Sockets opened there stay
 * there; what runs later, such as callbacks, doesn't.
 */
export function inNamespace<T>(host: Host, action: () => T): T {
  const home = openSync('/proc/thread-self/ns/net', 'r');
  const away = openSync(`/run/netns/${host.namespace}`, 'r');
  try {
    enter(away);
    return action();
  } finally {
    enter(home);
    closeSync(away);
    closeSync(home);
  }
}

function enter(namespace: number): void {
  if (setns(namespace, CLONE_NEWNET) !== 0) throw new Error(`setns: errno ${koffi.errno()}`);
}
