/** What is compared: filters of a trace, null for none; and whether it has ended before packets are timed. */
export const CASES = {
  never: { title: 'nobody has ever traced', words: null, isEnded: false },
  ended: { title: 'a trace of all packets has ended', words: [], isEnded: true },
  other: { title: 'a trace of another client', words: ['client=10.1.0.77'], isEnded: false },
  all: { title: 'a trace of all packets, 200 a second', words: [], isEnded: false },
} as const;

export type CaseName = keyof typeof CASES;
