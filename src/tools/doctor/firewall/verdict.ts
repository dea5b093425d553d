/** What a rule says about a packet in the end. */
import {
  NF_DROP,
  NFT_JUMP,
  NFTA_VERDICT_CHAIN,
  NFTA_VERDICT_CODE,
} from '../../../../dataplane/sys/nft-expressions.js';
import { readText } from '../../../../dataplane/sys/netlink-message.js';

export type Verdict =
  { kind: 'accept' | 'drop' | 'return' } | { kind: 'jump' | 'goto'; chain: string };

/** Whether a packet is what a rule is for. */
export type Answer = 'yes' | 'no' | 'perhaps';

const NF_ACCEPT = 1;
const NFT_GOTO = -4;
const NFT_RETURN = -5;

export function verdictOf(attributes: Map<number, Buffer>): 'perhaps' | Verdict {
  const code = attributes.get(NFTA_VERDICT_CODE)?.readInt32BE(0);
  const name = attributes.get(NFTA_VERDICT_CHAIN);
  const chain = name === undefined ? '' : readText(name);
  switch (code) {
    case NF_DROP:
      return { kind: 'drop' };
    case NF_ACCEPT:
      return { kind: 'accept' };
    case NFT_JUMP:
      return { kind: 'jump', chain };
    case NFT_GOTO:
      return { kind: 'goto', chain };
    case NFT_RETURN:
      return { kind: 'return' };
    default:
      return 'perhaps';
  }
}

/** Of all of them together. */
export function every(answers: readonly Answer[]): Answer {
  if (answers.includes('no')) return 'no';
  return answers.includes('perhaps') ? 'perhaps' : 'yes';
}

export function answer(is: boolean, isInverted = false): Answer {
  return is === isInverted ? 'no' : 'yes';
}
