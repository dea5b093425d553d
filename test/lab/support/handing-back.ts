/** A director that balances nothing: all it sees it hands back to the kernel. */
import { Burst } from '../../../dataplane/driver/driver.js';
import { RingDriver } from '../../../dataplane/driver/ring.js';
import { applyFilter } from '../../../dataplane/sys/filter.js';
import { HandBack } from '../../../dataplane/sys/handback.js';
import { HostNetwork } from '../../../dataplane/sys/host.js';
import { Interception, type Endpoints } from '../../../dataplane/sys/interception.js';
import type { Host } from '../../../lab/host.js';
import { inNamespace } from './namespace.js';

export class HandingBack {
  /** Length of the longest frame so far. */
  longest = 0;
  frames = 0;
  private readonly network: HostNetwork;
  private readonly handBack: HandBack;
  private readonly driver: RingDriver;
  private readonly interception: Interception;
  private readonly burst = new Burst();

  static on(host: Host, tableName: string, endpoints: Endpoints): HandingBack {
    return inNamespace(host, () => new HandingBack(tableName, endpoints));
  }

  private constructor(tableName: string, endpoints: Endpoints) {
    this.network = HostNetwork.open();
    this.handBack = new HandBack();
    this.driver = new RingDriver({
      handBack: (memory, offset, length) => this.handBack.send(memory, offset, length),
    });
    applyFilter(endpoints, (program) => this.driver.attachFilter(program));
    for (const { port, ifindex } of this.network.ports) this.driver.openPort(port, ifindex);
    this.interception = Interception.open({ tableName, interfaces: this.network.ports });
    this.interception.update(endpoints);
    this.driver.watch(() => this.handBackBurst());
  }

  close(): void {
    this.interception.remove();
    this.interception.close();
    this.driver.close();
    this.handBack.close();
    this.network.close();
  }

  private handBackBurst(): void {
    const { burst, driver } = this;
    const count = driver.receive(burst);
    for (let i = 0; i < count; i++) {
      this.frames++;
      this.longest = Math.max(this.longest, burst.length[i]);
      driver.handBack(burst, i);
    }
    driver.release(burst);
  }
}
