/** Where a command writes to. A promise is awaited before the next piece is made, so that a reader can be slow. */
export interface Output {
  write(text: string): void | Promise<void>;
}
