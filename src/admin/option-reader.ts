/**
 * Splits a command line into options as the popt library does: short options can be bundled, a value may be
 * attached (`-w5`, `-w=5`, `--weight=5`) or be the next word, an optional value is taken from the next word
 * only if that doesn't begin with `-`. Words that are no options are set aside in their order, as are all
 * words after `--`.
 */
import { optionFault } from './failure.js';

export interface OptionSyntax {
  readonly long: string;
  /** One letter, or "" for none. */
  readonly short: string;
  readonly argument: 'none' | 'required' | 'optional';
  /** The value of an optional argument that isn't there. */
  readonly absentValue?: string;
}

export class OptionReader<Option extends OptionSyntax> {
  /** Words that are no options, in their order. */
  readonly others: string[] = [];
  private index = 0;
  private onlyOthers = false;
  /** Rest of a bundle of short options. */
  private bundle = '';

  constructor(
    private readonly options: readonly Option[],
    private readonly words: readonly string[],
  ) {}

  /** The word read last, which messages name. */
  get lastWord(): string {
    return this.words[this.index - 1];
  }

  /** The next option and its value ("" where it takes none), null at the end. Throws AdminError where popt reports an error. */
  next(): { option: Option; value: string } | null {
    if (this.bundle !== '') return this.readShort();
    while (this.index < this.words.length) {
      const word = this.words[this.index++];
      if (this.onlyOthers || !word.startsWith('-') || word === '-') {
        this.others.push(word);
      } else if (word === '--') {
        this.onlyOthers = true;
      } else if (word.startsWith('--')) {
        return this.readLong(word.slice(2));
      } else {
        this.bundle = word.slice(1);
        return this.readShort();
      }
    }
    return null;
  }

  private readLong(text: string): { option: Option; value: string } {
    const equals = text.indexOf('=');
    const name = equals === -1 ? text : text.slice(0, equals);
    const option = this.options.find((candidate) => candidate.long === name);
    if (option === undefined) throw this.fault('unknown option');
    if (equals === -1) return { option, value: this.readValue(option) };
    if (option.argument === 'none') throw this.fault('option does not take an argument');
    return { option, value: text.slice(equals + 1) };
  }

  private readShort(): { option: Option; value: string } {
    const letter = this.bundle[0];
    const option = this.options.find((candidate) => candidate.short === letter);
    if (option === undefined) throw this.fault('unknown option');
    const rest = this.bundle.slice(1);
    if (option.argument === 'none') {
      if (rest.startsWith('=')) throw this.fault('option does not take an argument');
      this.bundle = rest;
      return { option, value: '' };
    }
    this.bundle = '';
    if (rest === '') return { option, value: this.readValue(option) };
    return { option, value: rest.startsWith('=') ? rest.slice(1) : rest };
  }

  private readValue({ argument, absentValue = '' }: Option): string {
    if (argument === 'none') return '';
    const word = this.words[this.index];
    if (argument === 'optional' && (word === undefined || word.startsWith('-'))) return absentValue;
    if (word === undefined) throw this.fault('missing argument');
    this.index += 1;
    return word;
  }

  private fault(what: string): Error {
    return optionFault(`${this.lastWord}: ${what}`);
  }
}
