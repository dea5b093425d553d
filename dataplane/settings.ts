/**
 * The director's settings: names and ranges of ip_vs's net.ipv4.vs.* sysctls
 * (Documentation/networking/ipvs-sysctl.rst), and its defaults but for the defences that begin by themselves.
 * `drop_first_syn` is one of our own. What is not listed here is not built and is refused by name.
 */
export interface SettingRange {
  default: number;
  min: number;
  max: number;
  /** One line for people. */
  summary: string;
}

export const SETTINGS = {
  am_droprate: {
    default: 10,
    min: -0x80000000,
    max: 0x7fffffff,
    summary: 'one in so many new connections is dropped with drop_packet=3',
  },
  amemthresh: {
    default: 1024,
    min: -0x80000000,
    max: 0x7fffffff,
    summary: 'free room in the table, in pages of 4 KiB, below which automatic defences begin',
  },
  conn_reuse_mode: {
    default: 1,
    min: -0x80000000,
    max: 0x7fffffff,
    summary: "not 0: a SYN begins a new connection where the port's old one is closed",
  },
  drop_entry: {
    default: 0,
    min: 0,
    max: 3,
    summary: 'drops half-open and idle connections: 0 never, 1 or 2 when room is short, 3 always',
  },
  drop_first_syn: {
    default: 1,
    min: 0,
    max: 3,
    summary: "drops a client's first SYN, not its repetition: 0 never, 1 or 2 in a flood, 3 always",
  },
  drop_packet: {
    default: 0,
    min: 0,
    max: 3,
    summary: 'drops some new connections: 0 never, 1 or 2 when room is short, 3 always',
  },
  expire_nodest_conn: {
    default: 0,
    min: -0x80000000,
    max: 0x7fffffff,
    summary: 'not 0: connections of a deleted server end at once',
  },
  expire_quiescent_template: {
    default: 0,
    min: -0x80000000,
    max: 0x7fffffff,
    summary: 'not 0: persistence does not keep clients on a server of weight 0',
  },
  nat_icmp_send: {
    default: 0,
    min: -0x80000000,
    max: 0x7fffffff,
    summary: "not 0: a server's packet of no connection is answered with an ICMP error",
  },
  secure_tcp: {
    default: 0,
    min: 0,
    max: 3,
    summary: 'strict TCP states: 0 never, 1 or 2 when room is short, 3 always',
  },
  sloppy_tcp: {
    default: 0,
    min: -0x80000000,
    max: 0x7fffffff,
    summary: 'not 0: any segment may begin a connection, not only a SYN',
  },
} as const satisfies Record<string, SettingRange>;

/** Settings that are a mode: 0 off, 1 automatic, 2 automatic and in effect, 3 always in effect. */
export const DEFENCES = ['drop_entry', 'drop_first_syn', 'drop_packet', 'secure_tcp'] as const;
/** From this mode on a defence is in effect. */
export const IN_EFFECT = 2;

export type SettingName = keyof typeof SETTINGS;

export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(SETTINGS, name);
}

const PAGE_BYTES = 4096;
/** What a connection takes: its record, its places in the timer wheel and in the index. */
const CONNECTION_BYTES = 80;
/** The part of a table that counts as short of room at most, unless amemthresh is set. */
const SHORT_SHIFT = 3;

/** Memory of so many connections, in the pages that `amemthresh` counts. */
export function pagesOf(connections: number): number {
  return Math.floor((connections * CONNECTION_BYTES) / PAGE_BYTES);
}

/** Values of all settings, in the form the engine reads them. */
export class Settings {
  amDroprate: number = SETTINGS.am_droprate.default;
  amemthresh: number = SETTINGS.amemthresh.default;
  connReuseMode: number = SETTINGS.conn_reuse_mode.default;
  dropEntry: number = SETTINGS.drop_entry.default;
  dropFirstSyn: number = SETTINGS.drop_first_syn.default;
  dropPacket: number = SETTINGS.drop_packet.default;
  expireNodestConn: number = SETTINGS.expire_nodest_conn.default;
  expireQuiescentTemplate: number = SETTINGS.expire_quiescent_template.default;
  natIcmpSend: number = SETTINGS.nat_icmp_send.default;
  secureTcp: number = SETTINGS.secure_tcp.default;
  sloppyTcp: number = SETTINGS.sloppy_tcp.default;

  /** @param capacity connections that there is room for: a small table begins with a smaller amemthresh */
  constructor(capacity: number) {
    this.amemthresh = Math.min(this.amemthresh, pagesOf(capacity) >> SHORT_SHIFT);
  }

  /** 1 while the strict TCP state table is in effect. */
  get strictTcp(): number {
    return this.secureTcp > 1 ? 1 : 0;
  }

  get(name: SettingName): number {
    return this[FIELDS[name]];
  }

  /** @returns false where the value is outside the setting's range; nothing is changed then. */
  set(name: SettingName, value: number): boolean {
    const { min, max } = SETTINGS[name];
    if (!Number.isInteger(value) || value < min || value > max) return false;
    this[FIELDS[name]] = value;
    return true;
  }
}

const FIELDS = {
  am_droprate: 'amDroprate',
  amemthresh: 'amemthresh',
  conn_reuse_mode: 'connReuseMode',
  drop_entry: 'dropEntry',
  drop_first_syn: 'dropFirstSyn',
  drop_packet: 'dropPacket',
  expire_nodest_conn: 'expireNodestConn',
  expire_quiescent_template: 'expireQuiescentTemplate',
  nat_icmp_send: 'natIcmpSend',
  secure_tcp: 'secureTcp',
  sloppy_tcp: 'sloppyTcp',
} as const satisfies Record<SettingName, string>;
