/**
 * Kernel settings under /proc/sys, such as "net.ipv4.ip_forward", in the network namespace of this process.
 */
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';

/** "net.ipv4.conf.eth0/5.forwarding": as with sysctl(8), a slash stands for a dot inside a name. */
function pathOf(name: string): string {
  const parts = name.split('.').map((part) => part.replaceAll('/', '.'));
  return `/proc/sys/${parts.join('/')}`;
}

/** The value as text without the line's end. Throws where there is no such setting. */
export function readSysctl(name: string): string {
  try {
    return readFileSync(pathOf(name), 'utf8').trim();
  } catch (error) {
    throw new Error(
      `the kernel has no setting ${name} (${(error as NodeJS.ErrnoException).code})`,
      {
        cause: error,
      },
    );
  }
}

/** Settings that were changed for as long as a process runs. */
export class Sysctls {
  private readonly originals: Map<string, string>;

  /** `changes` of a process that died takes its duty over: what it had changed is put back by `restore`. */
  constructor(changes: Readonly<Record<string, string>> = {}) {
    this.originals = new Map(Object.entries(changes));
  }

  /** Sets a value where it differs, and remembers what it was. Throws where it can't be set. */
  set(name: string, value: string): void {
    const present = readSysctl(name);
    if (present === value) return;
    writeSysctl(name, value);
    if (!this.originals.has(name)) this.originals.set(name, present);
  }

  /** Names and original values of what was changed, to be kept for a process that has to clean up. */
  changes(): Record<string, string> {
    return Object.fromEntries(this.originals);
  }

  /** Puts everything back as it was, the last change first. A setting that is gone by now is passed over. */
  restore(): void {
    for (const [name, value] of [...this.originals].toReversed()) {
      try {
        writeSysctl(name, value);
      } catch {
        // An interface's settings go with the interface.
      }
    }
    this.originals.clear();
  }
}

/** Why a setting couldn't be given this value, null where it could or has it already. Changes nothing. */
export function sysctlProblem(name: string, value: string): string | null {
  try {
    if (readSysctl(name) !== value) closeSync(openSync(pathOf(name), 'r+'));
    return null;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === undefined ? message : refusal(name, value, code);
  }
}

export function writeSysctl(name: string, value: string): void {
  try {
    writeFileSync(pathOf(name), value);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(refusal(name, value, code), { cause: error });
  }
}

function refusal(name: string, value: string, code: string | undefined): string {
  return `can't set ${name}=${value}: ${code}. ${adviceFor(code, name, value)}`;
}

function adviceFor(code: string | undefined, name: string, value: string): string {
  if (code === 'EROFS') {
    return `/proc/sys is read-only here: in a container start it with --sysctl ${name}=${value}`;
  }
  if (code === 'EACCES' || code === 'EPERM') return 'Run it as root, or set it before.';
  return 'Check that the setting exists and takes this value.';
}
