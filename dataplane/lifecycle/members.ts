/** The connections that the kernel forwards, without gaps, and their flows. */
export class Members {
  count = 0;
  readonly capacity: number;
  /** By place: */
  readonly connection: Int32Array;
  readonly toServer: Int32Array;
  readonly toClient: Int32Array;
  /** When its last packets were noticed, in ticks. */
  readonly heardAt: Int32Array;
  /** By connection: its place and 1, 0 for none. */
  private readonly places: Int32Array;

  /** @param connections the highest number of one */
  constructor(capacity: number, connections: number) {
    this.capacity = capacity;
    this.connection = new Int32Array(capacity);
    this.toServer = new Int32Array(capacity);
    this.toClient = new Int32Array(capacity);
    this.heardAt = new Int32Array(capacity);
    this.places = new Int32Array(connections + 1);
  }

  /** -1 for none. */
  placeOf(connection: number): number {
    return this.places[connection] - 1;
  }

  has(connection: number): boolean {
    return this.places[connection] !== 0;
  }

  get isFull(): boolean {
    return this.count === this.capacity;
  }

  enter(connection: number, toServer: number, toClient: number, now: number): void {
    const place = this.count++;
    this.places[connection] = place + 1;
    this.connection[place] = connection;
    this.toServer[place] = toServer;
    this.toClient[place] = toClient;
    this.heardAt[place] = now;
  }

  /** The last one takes the place of the one that leaves. */
  leave(place: number): void {
    const last = --this.count;
    this.places[this.connection[place]] = 0;
    if (place === last) return;
    const connection = this.connection[last];
    this.places[connection] = place + 1;
    this.connection[place] = connection;
    this.toServer[place] = this.toServer[last];
    this.toClient[place] = this.toClient[last];
    this.heardAt[place] = this.heardAt[last];
  }
}
