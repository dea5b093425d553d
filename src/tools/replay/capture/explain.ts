/** `--explain`: one line for each packet, for people; with `--json` one JSON object a line. */
import type { TracedConnection } from '../../../control/trace.js';
import type { Outcome } from './outcome.js';

const NUMBER_WIDTH = 7;
const TIME_WIDTH = 11;

const UNDECIDED = 'undecided: the capture cut it off before the end of its headers';
const UNEXPLAINED = 'sent by the captured host itself, what for is not in the capture';

export function explainText(outcome: Outcome): string {
  const number = String(outcome.packet).padStart(NUMBER_WIDTH);
  const time = outcome.atSeconds.toFixed(6).padStart(TIME_WIDTH);
  return `${number} ${time}  ${outcome.arrived}: ${parts(outcome).join('; ')}\n`;
}

export function explainJson(outcome: Outcome): string {
  return `${JSON.stringify(outcome)}\n`;
}

function parts(outcome: Outcome): string[] {
  if (outcome.decision === 'own' && outcome.cause === 0) return [UNEXPLAINED];
  if (outcome.decision === 'own') {
    return [`made of packet ${outcome.cause} by the captured director`, ...agreement(outcome)];
  }
  return [
    ...(outcome.isUndone ? ['only what the director made of it was captured'] : []),
    ...(outcome.connection === null ? [] : connection(outcome.connection)),
    decision(outcome),
    ...agreement(outcome),
  ];
}

function connection({ service, server, chosenBy, before, after }: TracedConnection): string[] {
  const what = chosenBy === null ? '' : `, new, chosen by ${chosenBy}`;
  const states = before === after ? `${after}` : `${before ?? 'none'} -> ${after ?? 'none'}`;
  return [`service ${service} server ${server}${what}`, states];
}

function decision({ decision, reason, why, sent }: Outcome): string {
  switch (decision) {
    case 'sent':
      return `sent ${sent.join(', ')}`;
    case 'answered':
      return `answered ${sent.join(', ')}`;
    case 'left':
      return `left to the kernel: ${why}`;
    case 'dropped':
      return `dropped: ${reason}`;
    case 'held':
      return 'held until its other fragments come';
    default:
      return UNDECIDED;
  }
}

function agreement({ agreement, difference }: Outcome): string[] {
  if (agreement === 'same') return ['as captured'];
  return agreement === 'differs' ? [`differs: ${difference}`] : [];
}
