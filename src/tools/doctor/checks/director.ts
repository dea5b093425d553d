/** Whether a director is at work here, can be asked, and moves packets. */
import { socketPath } from '../../../control/path.js';
import type { Check } from '../check.js';

export const director: Check = {
  name: 'director',
  run({ gateway }, findings) {
    const { directorPid, dataPlane, silence, snapshot } = gateway;
    if (directorPid === null && dataPlane === null) {
      findings.note('no director is at work in this network; the host is checked for one', 'uvsd');
    } else if (directorPid === null) {
      findings.warning(
        `the data plane (process ${dataPlane?.pid}) is at work without its director: packets are moved, but ` +
          'nothing can be changed, and should it end nobody starts it anew',
        'systemctl start uvsd  # or uvsd with the options it had; it takes over',
      );
    } else if (snapshot === null) {
      findings.unchecked(
        `a director is at work (process ${directorPid}), but can't be asked at ${socketPath()}: ${silence}`,
        'UVS_SOCKET=PATH uvs doctor  # its --socket, or control.sock in its --state-dir; as root or its user',
      );
    } else if (!snapshot.dataPlane.isServing) {
      findings.error(
        `the director (process ${directorPid}) is at work, but its data plane isn't: no packets are moved`,
        'journalctl -u uvsd -p warning  # says why it does not come up',
      );
    } else {
      findings.ok(`process ${directorPid}, its data plane is process ${dataPlane?.pid}`);
    }
  },
};
