/**
 * Addresses as text, in the C library's forms: what inet_aton(3) and inet_pton(3) accept, what inet_ntop(3)
 * prints.
 */
import { IPv4, IPv6 } from 'ip-num';
import type { Family } from '../control/api.js';

const IPV4_BYTES = 4;
const HEXADECATETS = 8;
const WORDS = 4;

/**
 * Reads an IPv4 address in each form that inet_aton(3) knows: one to four parts, each decimal, octal (0...)
 * or hexadecimal (0x...), the last one filling the bytes that are left; "10.1" is 10.0.0.1. What follows
 * after a blank is ignored.
 *
 * @returns the address as dotted quad, null where it isn't one
 */
export function parseIPv4(text: string): string | null {
  const parts = text.split(/[ \t\n\v\f\r]/, 1)[0].split('.');
  if (parts.length > IPV4_BYTES) return null;
  let value = 0;
  for (const [i, part] of parts.entries()) {
    const number = parsePart(part);
    const bytes = i === parts.length - 1 ? IPV4_BYTES - i : 1;
    if (number === null || number >= 256 ** bytes) return null;
    value += number * 256 ** (IPV4_BYTES - i - bytes);
  }
  return IPv4.fromNumber(value).toString();
}

/** A number in one of C's notations. */
function parsePart(part: string): number | null {
  if (/^0[0-7]*$/.test(part)) return Number.parseInt(part, 8);
  if (/^(0[xX][0-9a-fA-F]+|[1-9]\d*)$/.test(part)) return Number(part);
  return null;
}

/** Reads an IPv6 address; a scope ("%eth0") isn't part of one. Returns it as `formatIPv6` does, or null. */
export function parseIPv6(text: string): string | null {
  const words = ipv6Words(text);
  return words === null ? null : formatIPv6(words);
}

/** Four words of 32 bits, unsigned, the most significant one first; null where it isn't an IPv6 address. */
export function ipv6Words(text: string): number[] | null {
  // "10.1.0.100:80" is looked at here as well, by the thousand: no IPv6 address has but one colon.
  if (text.indexOf(':') === text.lastIndexOf(':') || text.includes('%')) return null;
  let groups: number[];
  try {
    groups = new IPv6(text).getHexadecatet().map((group) => group.getValue());
  } catch {
    return null;
  }
  return Array.from({ length: WORDS }, (_, i) => groups[2 * i] * 0x10000 + groups[2 * i + 1]);
}

/** The word that an IPv4 address is, unsigned. */
export function ipv4Word(address: string): number {
  return Number(new IPv4(address).getValue());
}

/**
 * Lower case, no leading zeros, the first of the longest runs of two and more zero groups as "::" (RFC 5952).
 * Like inet_ntop(3), the last 32 bits of an IPv4-mapped (::ffff:0:0/96) and of an IPv4-compatible (::/96,
 * bits 96..111 not zero) address are printed as dotted quad.
 */
export function formatIPv6(words: readonly number[]): string {
  const groups = words.flatMap((word) => [word >>> 16, word & 0xffff]);
  const run = longestZeroRun(groups);
  const embedsIPv4 =
    run.start === 0 && (run.length === 6 || (run.length === 5 && groups[5] === 0xffff));
  const texts = groups.map((group) => group.toString(16));
  if (embedsIPv4) texts.splice(6, 2, IPv4.fromNumber(words[3]).toString());
  if (run.length < 2) return texts.join(':');
  const left = texts.slice(0, run.start).join(':');
  const right = texts.slice(run.start + run.length).join(':');
  return `${left}::${right}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let length = 0;
  for (let i = 0; i < HEXADECATETS; i++) {
    length = groups[i] === 0 ? length + 1 : 0;
    if (length > best.length) best = { start: i - length + 1, length };
  }
  return best;
}

/** True for a group address of that family in plain text form. */
export function isMulticast(family: Family, text: string): boolean {
  if (family === 'inet6') return ipv6Words(text) !== null && new IPv6(text).isMulticast();
  return /^\d+(\.\d+){3}$/.test(text) && parseIPv4(text) === text && new IPv4(text).isMulticast();
}
