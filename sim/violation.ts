/** What a check may find wrong. */
export type Rule =
  | 'bytes' // an end received what nobody had sent
  | 'checksum' // a checksum was wrong that nothing on the way had damaged
  | 'reset' // a connection was reset that no end had reset
  | 'moved' // a connection changed its server
  | 'lost' // the director forgot a connection before its time
  | 'stuck' // a connection didn't end although network and director were well
  | 'delivery' // a frame was sent to the wrong machine, or is too long for its link
  | 'conservation' // a frame disappeared without being counted
  | 'interception' // the kernel got a packet that was ours, or nobody got one
  | 'atomicity' // a command was carried out in part
  | 'records' // a crash changed records that the interrupted step had nothing to do with
  | 'recovery' // a director could not be started again on the memory it had left
  | 'invariant' // the tables contradict themselves
  | 'bounds'; // something grows or stays that should not

/** Something happened in a simulation that must not. */
export class Violation extends Error {
  constructor(
    readonly rule: Rule,
    message: string,
  ) {
    super(message);
    this.name = 'Violation';
  }
}
