/** The kinds of changes that are measured, and the rules they are made to. */
import { range, serverAddress, VIP } from '../../lab/plan.js';
import type {
  Change,
  Control,
  DestinationKey,
  DestinationSettings,
  ServiceKey,
} from '../../src/control/api.js';

export interface Edit {
  readonly title: string;
  /** `turn` counts from 0: what one turn does the next one undoes. */
  make(control: Control, turn: number): Promise<unknown>;
}

const MANY = 1000;
const WEB = service(80);
const CROWD = service(8080);

const MASQ: DestinationSettings = {
  forwarding: 'masq',
  weight: 1,
  upperThreshold: 0,
  lowerThreshold: 0,
  tunnel: { type: 'ipip', port: 0, checksum: 'none' },
};

/** The web service, and one with many servers that nobody asks for anything. */
export function rules(): string {
  const web = range(2).map((n) => `-a -t ${VIP}:80 -r ${serverAddress(n)}:80 -m`);
  const crowd = range(MANY).map((n) => `-a -t ${VIP}:8080 -r ${serverAddress(1)}:${n} -m`);
  return [`-A -t ${VIP}:80 -s rr`, ...web, `-A -t ${VIP}:8080 -s wlc`, ...crowd, ''].join('\n');
}

export const EDITS: readonly Edit[] = [
  { title: 'a question (info), for comparison', make: (control) => control.info() },
  {
    title: 'a weight to 0 and back',
    make: (control, turn) => {
      return control.editDestination(WEB, server(2, 80), { ...MASQ, weight: turn % 2 });
    },
  },
  {
    title: 'a server added and deleted',
    make: (control, turn) => {
      const key = server(1, 81);
      return turn % 2 === 0
        ? control.addDestination(WEB, key, MASQ)
        : control.deleteDestination(WEB, key);
    },
  },
  { title: '100 weights at once', make: (control, turn) => control.apply(weights(100, turn)) },
  {
    title: `${MANY} weights at once`,
    make: (control, turn) => control.apply(weights(MANY, turn)),
  },
];

function weights(number: number, turn: number): Change[] {
  const settings = { ...MASQ, weight: 2 - (turn % 2) };
  return range(number).map((n) => {
    return { change: 'editDestination', service: CROWD, key: server(1, n), settings };
  });
}

function service(port: number): ServiceKey {
  return { family: 'inet', protocol: 'tcp', address: VIP, port, fwmark: 0 };
}

function server(number: number, port: number): DestinationKey {
  return { family: 'inet', address: serverAddress(number), port };
}
