/** What most lab tests begin with: a lab of web servers, and a director with the rules they need. */
import { setTimeout as pause } from 'node:timers/promises';
import { loadPcap } from '../../../dataplane/driver/pcap/addons.js';
import { Director } from '../../../lab/director.js';
import type { Host } from '../../../lab/host.js';
import { Lab } from '../../../lab/lab.js';
import { natPlan, range, serverAddress, VIP } from '../../../lab/plan.js';
import { startWebServers, type WebServer } from '../../../lab/webserver.js';

export const SERVICE = `${VIP}:80`;
export const URL = `http://${VIP}/`;
const SERVERS = 3;
/** Of wrk, where a request must not be lost but may be delayed: its segments are repeated after 0.2, 0.4, 0.8, 1.6 ... s. */
export const PATIENCE_SECONDS = 30;
const COMMANDS = ['nginx', 'curl', 'wrk', 'ping', 'nft'];

/** Filled in before the tests of a suite run. */
export interface Setting {
  lab: Lab;
  client: Host;
  directorHost: Host;
  director: Director;
  servers: WebServer[];
}

export interface SettingOptions {
  /** One where nothing is said; of several `client` is the first. */
  clients?: number;
  mtu?: number;
  driver?: 'ring' | 'pcap';
  /** Further arguments of uvsd. */
  uvsd?: readonly string[];
  /** Lines of `uvsadm -R`. */
  rules?: string;
}

/** Builds a lab before the suite's tests and takes it down after them; skips them where this isn't root. */
export function useLab(options: SettingOptions = {}): Setting {
  const setting = {} as Setting;
  before(function () {
    requireRoot(this);
    if (options.driver === 'pcap') requirePcap(this);
    setting.lab = Lab.up({
      id: 'test',
      numbered: true,
      plan: natPlan(options),
      commands: COMMANDS,
    });
    [setting.client] = setting.lab.all('client');
    setting.directorHost = setting.lab.host('director');
  });
  after(() => setting.lab?.down());
  return setting;
}

/** A lab with its web servers and a running director. */
export function useDirector(options: SettingOptions = {}): Setting {
  const setting = useLab(options);
  before(async () => {
    setting.servers = await startWebServers(setting.lab);
    const { driver = 'ring', uvsd = [] } = options;
    setting.director = await Director.start(setting.directorHost, ['--driver', driver, ...uvsd]);
    if (options.rules !== undefined) await setting.director.adm('-R', { input: options.rules });
  });
  return setting;
}

/** Rules of one service on VIP:80 and the three servers; weights in the order of the servers. */
export function serviceRules(
  serviceOptions: string,
  weights: readonly number[] = [1, 1, 1],
): string {
  const servers = range(SERVERS).map(
    (n) => `-a -t ${SERVICE} -r ${serverAddress(n)}:80 -m -w ${weights[n - 1]}`,
  );
  return [`-A -t ${SERVICE} ${serviceOptions}`, ...servers, ''].join('\n');
}

/** Namespaces need root. A suite is skipped as a whole, and says so. */
export function requireRoot(context: Mocha.Context): void {
  if (process.getuid?.() === 0) return;
  process.stdout.write('      skipped: lab tests make network namespaces and need root\n');
  context.skip();
}

/** Where libpcap or a compiler is missing the add-on couldn't be built. */
function requirePcap(context: Mocha.Context): void {
  try {
    loadPcap();
  } catch (error) {
    process.stdout.write(`      skipped: ${(error as Error).message}\n`);
    context.skip();
  }
}

/** The machine may have other things to do. */
const PATIENCE_MS = 40_000;
const PAUSE_MS = 20;

/** Asks again and again until `accept` likes the answer, or patience is at an end; resolves to the last answer. */
export async function eventually<T>(
  ask: () => Promise<T>,
  accept: (answer: T) => boolean,
): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (accept(answer) || performance.now() > end) return answer;
    await pause(PAUSE_MS);
  }
}
