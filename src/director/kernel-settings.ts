/** What a director changes about its host's kernel settings, written down in its state directory to be put back. */
import { prepareLoopback } from '../../dataplane/sys/handback.js';
import { Sysctls } from '../../dataplane/sys/sysctl.js';
import { readFootprint, removeFootprint, writeFootprint } from './footprint.js';
import type { Log } from './log.js';
import type { Options } from './options.js';
import type { Teardown } from './teardown.js';

/** Makes the kernel forward, and fit for frames that are handed back. Throws where a setting can't be made. */
export function changeKernelSettings(
  { stateDir, socket, procfsDir }: Pick<Options, 'stateDir' | 'socket' | 'procfsDir'>,
  teardown: Teardown,
  log: Log,
): void {
  const left = readFootprint(stateDir);
  if (left !== null) log.info('taking over the settings of the last director here');
  const sysctls = new Sysctls(left?.sysctls);
  teardown.add(
    'kernel settings',
    () => {
      sysctls.restore();
      removeFootprint(stateDir);
    },
    'keep',
  );
  try {
    sysctls.set('net.ipv4.ip_forward', '1');
    prepareLoopback(sysctls);
  } finally {
    writeFootprint(stateDir, { sysctls: sysctls.changes(), socket, procfsDir });
  }
  const changed = Object.entries(sysctls.changes()).map(([name, value]) => `${name}:${value}`);
  if (changed.length > 0) log.info('kernel settings changed', { before: changed });
}
