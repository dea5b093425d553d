/** What the doctor's checks have found. */

/** From good to bad; `unchecked` is what couldn't be looked at. */
export const LEVELS = ['ok', 'note', 'unchecked', 'warning', 'error'] as const;
export type Level = (typeof LEVELS)[number];

export interface Finding {
  level: Level;
  /** One sentence, or a few, for people. */
  text: string;
  /** What mends it, for a shell; empty where there is nothing to do. */
  command: string;
}

/** Collects what one check finds. */
export class Findings {
  readonly list: Finding[] = [];

  /** All is as it should be. */
  ok(text: string): void {
    this.add('ok', text, '');
  }

  /** Nothing is wrong, but it is good to know. */
  note(text: string, command = ''): void {
    this.add('note', text, command);
  }

  /** Some things don't work, or won't some day. */
  warning(text: string, command: string): void {
    this.add('warning', text, command);
  }

  /** Clients notice. */
  error(text: string, command: string): void {
    this.add('error', text, command);
  }

  /** It couldn't be looked at. */
  unchecked(text: string, command = ''): void {
    this.add('unchecked', text, command);
  }

  get isEmpty(): boolean {
    return this.list.length === 0;
  }

  private add(level: Level, text: string, command: string): void {
    this.list.push({ level, text, command });
  }
}

/** The worst of these levels; `ok` where there are none. */
export function worstOf(levels: readonly Level[]): Level {
  return LEVELS[Math.max(0, ...levels.map((level) => LEVELS.indexOf(level)))];
}

const NAMED_MAX = 4;

/** "a, b, c and 5 more" */
export function listed(names: readonly string[]): string {
  if (names.length <= NAMED_MAX) return names.join(', ');
  return `${names.slice(0, NAMED_MAX).join(', ')} and ${names.length - NAMED_MAX} more`;
}
