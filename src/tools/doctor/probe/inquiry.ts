/** Questions that are answered by frames: asked at once, and again those without an answer. */
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { FrameSender, FrameWatch, type Condition } from './frame-socket.js';

/** How often to ask, since questions get lost, and how long to wait each time. */
export interface Patience {
  attempts: number;
  waitMs: number;
}

export interface Inquiry<Q> extends Patience {
  questions: readonly Q[];
  /** Of frames that may be answers. */
  conditions: readonly Condition[];
  send: (question: Q, sender: FrameSender) => void;
  /** Once all is asked and answered, or isn't. */
  finish?: (question: Q, sender: FrameSender) => void;
  isAnswer: (frame: Uint8Array, question: Q) => boolean;
}

/** Resolves to the answers by question, of those that were answered. Throws SysError. */
export async function inquire<Q>(inquiry: Inquiry<Q>): Promise<Map<Q, Uint8Array>> {
  const { questions, attempts, waitMs } = inquiry;
  const answers = new Map<Q, Uint8Array>();
  const open = () => questions.filter((question) => !answers.has(question));
  const complete = new AbortController();
  const sender = new FrameSender();
  const watch = new FrameWatch(inquiry.conditions, (frame) => {
    for (const question of open()) {
      if (inquiry.isAnswer(frame, question)) answers.set(question, frame);
    }
    if (answers.size === questions.length) complete.abort();
  });
  try {
    for (let attempt = 0; attempt < attempts && open().length > 0; attempt++) {
      for (const question of open()) inquiry.send(question, sender);
      await pause(waitMs, undefined, { signal: complete.signal }).catch(() => undefined);
      // On a busy host time may be up before anybody has looked at what came.
      await nextTurn();
    }
  } finally {
    watch.close();
    for (const question of questions) inquiry.finish?.(question, sender);
    sender.close();
  }
  return answers;
}
