/** Which part of the director, or of the kernel, a moment belongs to. */

/** One place on a stack: a function, and the file of the program or library that it is in. */
export interface Frame {
  readonly symbol: string;
  /** "[kernel.kallsyms]", "/usr/bin/node", "/tmp/perf-123.map" for compiled JavaScript. */
  readonly object: string;
}

export interface Group {
  readonly id: string;
  readonly title: string;
}

/** All there are, in the order in which they are shown. */
export const GROUPS: readonly Group[] = [
  { id: 'engine', title: 'engine (JavaScript)' },
  { id: 'driver', title: 'driver, loop and pacing (JavaScript)' },
  { id: 'other-script', title: 'other JavaScript' },
  { id: 'garbage', title: 'garbage collection' },
  { id: 'runtime', title: 'V8, Node and its event loop' },
  { id: 'native', title: 'calls into C: koffi, libpcap, libc' },
  { id: 'copies', title: 'kernel: copies' },
  { id: 'sending', title: 'kernel: packet sockets, sending' },
  { id: 'receiving', title: 'kernel: packet sockets, receiving' },
  { id: 'fast-path', title: 'kernel: BPF programs and what they redirect' },
  { id: 'devices', title: 'kernel: veth and bridges' },
  { id: 'stack', title: 'kernel: IP and TCP of the hosts that receive' },
  { id: 'waking', title: 'kernel: waking the programs that receive' },
  { id: 'waiting', title: 'kernel: waiting for packets' },
  { id: 'kernel', title: 'kernel: the rest' },
  { id: 'unknown', title: 'unknown' },
];

/** The first frame from the top for which one of these holds says where in the kernel a moment was spent. */
const KERNEL_RULES: readonly (readonly [RegExp, string])[] = [
  [/^(tpacket_|packet_rcv|prb_|run_filter)/, 'receiving'],
  [/^(bpf_prog_|bpf_redirect|skb_do_redirect|cls_bpf|tcf_|tcx_|sch_handle)/, 'fast-path'],
  [
    /^(sock_def_readable|sk_wake|try_to_wake_up|ttwu_|__wake_up|ep_poll_callback|wake_up)/,
    'waking',
  ],
  [/^(packet_|sock_alloc_send|virtio_net_hdr|sock_wfree|__sock_wfree)/, 'sending'],
  [
    /^(veth_|br_|__dev_queue_xmit|dev_hard_start|__netif_receive|netif_|process_backlog)/,
    'devices',
  ],
  [
    /^(enqueue_to_backlog|net_rx_action|__napi_poll|napi_|skb_gso|__skb_gso|validate_xmit)/,
    'devices',
  ],
  [/^(tcp_|__tcp_|ip_|__ip_|inet_|nf_|nft_|fib_|neigh_|icmp_|raw_|arp_)/, 'stack'],
  [/^(do_epoll|ep_poll|schedule|__schedule|futex_|do_futex|do_poll|do_sys_poll)/, 'waiting'],
];

const COPIES = /copy|memcpy|rep_movs|csum_partial|memmove|clear_page/;
const GARBAGE =
  /^v8::internal::.*(Heap::|Scavenge|MarkCompact|Marking|Sweep|Evacuat|GCTracer|Incremental|Collect|YoungGeneration|Unmapper)/;
const ENGINE = /\/(dataplane\/(?!driver|sys|loop|parking|meters|frame-queue)|scheduler)\b/;
const DRIVER = /\/dataplane\/(driver|sys|loop|parking|meters|frame-queue)\b/;

/** `stack`: from the function that ran to the program's first one. */
export function groupOf(stack: readonly Frame[]): string {
  const [top] = stack;
  if (top === undefined) return 'unknown';
  if (isKernel(top)) return kernelGroup(stack.filter(isKernel));
  if (stack.some(({ symbol }) => GARBAGE.test(symbol))) return 'garbage';
  return programGroup(top);
}

/** The system call in which a stack is; null where it is in none. */
export function systemCallOf(stack: readonly Frame[]): string | null {
  for (const frame of stack) {
    const call = isKernel(frame) ? /^__(?:x64|arm64|ia32)_sys_(\w+)$/.exec(frame.symbol) : null;
    if (call !== null) return call[1];
  }
  return null;
}

export function isKernel({ object }: Frame): boolean {
  return /^\[(kernel|bpf)|^bpf_prog|\.ko$/.test(object);
}

function kernelGroup(stack: readonly Frame[]): string {
  if (COPIES.test(stack[0].symbol)) return 'copies';
  for (const { symbol } of stack) {
    const rule = KERNEL_RULES.find(([pattern]) => pattern.test(symbol));
    if (rule !== undefined) return rule[1];
  }
  return 'kernel';
}

function programGroup({ symbol, object }: Frame): string {
  if (/^JS:|^(Lazy|Eager)?(Compile|Function|Script):/.test(symbol)) return scriptGroup(symbol);
  if (/koffi|pcap|\/libc[.-]|raw\.node|\[vdso\]/.test(object)) return 'native';
  if (object.endsWith('/node') || symbol.startsWith('Builtin') || object.endsWith('.map'))
    return 'runtime';
  return object.startsWith('/') ? 'native' : 'unknown';
}

/** By the file that a function of JavaScript comes from. */
export function scriptGroup(place: string): string {
  if (ENGINE.test(place)) return 'engine';
  if (DRIVER.test(place)) return 'driver';
  return place.includes('node:') ? 'runtime' : 'other-script';
}

/** A function's name for people: without signs of the compiler, and a path only from the project's folder on. */
export function shortName({ symbol }: Frame): string {
  const script = /^\S+?:[*^~+]?(.*?) (?:file:\/\/)?\S*?\/dist\/(\S+?):(\d+)(?::\d+)?$/.exec(symbol);
  if (script !== null) return `${script[1] || '(anonymous)'} ${script[2]}:${script[3]}`;
  return symbol
    .replace(/\.(isra|part|constprop)\.\d+/g, '')
    .replace(/\(anonymous namespace\)::/g, '');
}
