/** Changes made one by one, for a Control that keeps nothing that could be changed in one go. */
import type { Change, Control } from '../../src/control/api.js';

export async function makeEach(control: Control, changes: readonly Change[]): Promise<void> {
  for (const one of changes) {
    switch (one.change) {
      case 'addService':
      case 'editService':
        await control[one.change](one.key, one.settings);
        break;
      case 'deleteService':
        await control.deleteService(one.key);
        break;
      case 'addDestination':
      case 'editDestination':
        await control[one.change](one.service, one.key, one.settings);
        break;
      case 'deleteDestination':
        await control.deleteDestination(one.service, one.key);
    }
  }
}
