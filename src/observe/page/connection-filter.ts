/**
 * Which connections somebody wants to see: words that all hold. An address is the client's, the virtual or the
 * server's one.
 *
 *     10.1.0.2   10.1.0.0/24   10.1.0.100:80   :80   established
 */
import * as rec from '../../../dataplane/conn/record.js';
import { STATE_NAMES } from '../../../dataplane/conn/states.js';
import { ipv4FromText } from '../../control/ipv4.js';

/** Longer ones are no filters that anybody types. */
export const FILTER_MAX_CHARACTERS = 200;
const TERMS_MAX = 8;
const PORT_MAX = 65_535;
const PREFIX_MAX = 32;

/** Looks at the words of a connection's record, which begin at `base`. */
type Term = (words: Int32Array, base: number) => boolean;

/** The filter can't be understood; the message says why. */
export class FilterError extends Error {
  override name = 'FilterError';
}

/** Reads a filter; an empty one lets everything pass. Throws FilterError. */
export function readFilter(text: string): Term {
  if (text.length > FILTER_MAX_CHARACTERS) throw new FilterError('the filter is too long');
  const terms = text.split(/\s+/).filter(Boolean).map(readTerm);
  if (terms.length > TERMS_MAX) throw new FilterError(`a filter has at most ${TERMS_MAX} words`);
  return (words, base) => {
    for (const term of terms) if (!term(words, base)) return false;
    return true;
  };
}

function readTerm(word: string): Term {
  const state = (STATE_NAMES as readonly string[]).indexOf(word.toUpperCase());
  if (state >= 0) return (words, base) => (words[base + rec.W_META] & 0xff) === state;
  const parts = /^([\d.]*)(?:\/(\d{1,2}))?(?::(\d{1,5}))?$/.exec(word);
  const [, host = '', prefix, port] = parts ?? [];
  const address = host === '' ? undefined : ipv4FromText(host);
  const isAddress = address !== undefined && Number(prefix ?? 0) <= PREFIX_MAX;
  const isPort = port !== undefined && Number(port) <= PORT_MAX;
  if (isAddress && (port === undefined || isPort)) {
    return endTerm(address, maskOf(Number(prefix ?? PREFIX_MAX)), isPort ? Number(port) : null);
  }
  if (host === '' && prefix === undefined && isPort) return endTerm(0, 0, Number(port));
  throw new FilterError(
    `'${word}' is no address (10.1.0.2, 10.1.0.0/24, 10.1.0.2:80), port (:80) or state (established)`,
  );
}

function maskOf(prefix: number): number {
  return prefix === 0 ? 0 : -1 << (PREFIX_MAX - prefix);
}

/** One of the three ends has this address and port; null for any port. */
function endTerm(address: number, mask: number, port: number | null): Term {
  const network = address & mask;
  const isEnd = (endAddress: number, endPort: number): boolean =>
    (endAddress & mask) === network && (port === null || endPort === port);
  return (words, base) => {
    const ports = words[base + rec.W_PORTS];
    return (
      isEnd(words[base + rec.W_CLIENT], ports >>> 16) ||
      isEnd(words[base + rec.W_VIRTUAL], ports & 0xffff) ||
      isEnd(words[base + rec.W_DESTINATION], words[base + rec.W_META] >>> 16)
    );
  };
}
