/** What a dead director has left: hidden packets that nobody looks at, changed settings. */
import { existsSync } from 'node:fs';
import { listTables } from '../../../../dataplane/sys/nftables.js';
import { DEFAULT_STATE_DIR } from '../../../control/path.js';
import { readFootprint } from '../../../director/footprint.js';
import { TABLE_NAME } from '../../../director/hiding.js';
import { listed } from '../findings.js';
import type { Check } from '../check.js';

const CLEAN_UP =
  'uvsd --cleanup  # with its --state-dir, if it had one; or start uvsd, which takes over';

export const leftovers: Check = {
  name: 'leftovers',
  run({ host, gateway }, findings) {
    if (gateway.directorPid !== null || gateway.dataPlane !== null) {
      findings.ok('what is in place is in use');
      return;
    }
    if (!host.powers.netAdmin) {
      findings.unchecked('listing nf_tables takes CAP_NET_ADMIN');
      return;
    }
    const tables = listTables(TABLE_NAME);
    if (tables.length > 0) {
      findings.error(
        `no director is at work, but one has left nf_tables ${listed(tables)}: packets of its services are hidden from ` +
          'the kernel, and nobody answers them',
        CLEAN_UP,
      );
    }
    const footprint = readFootprint(DEFAULT_STATE_DIR);
    if (tables.length === 0 && footprint !== null && existsSync(DEFAULT_STATE_DIR)) {
      findings.note(
        `a director that ended without tidying up has left kernel settings changed: ${listed(Object.keys(footprint.sysctls))}`,
        CLEAN_UP,
      );
    }
    if (findings.isEmpty) findings.ok('no director has left anything behind');
  },
};
