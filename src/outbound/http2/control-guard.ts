/** Counts control frames of an upstream: too many of them without any request or response between are an attack. */

/** Servers measure the connection with a PING for each response, and some send one per round trip while they receive a body. */
const MAX_CONTROL_FRAMES = 1000;
/** So many streams in a row that the upstream resets: further ones on this connection would fare no better. */
const MAX_RESETS = 100;

export class ControlGuard {
  #frames = 0;
  #resets = 0;

  /** Something of a request or a response has passed. */
  onTraffic(): void {
    this.#frames = 0;
  }

  /** @returns whether it was one too many. */
  onControlFrame(): boolean {
    this.#frames += 1;
    return this.#frames > MAX_CONTROL_FRAMES;
  }

  /** A stream has ended. @returns whether it was one reset too many. */
  onStreamEnd(isReset: boolean): boolean {
    this.#resets = isReset ? this.#resets + 1 : 0;
    return this.#resets >= MAX_RESETS;
  }
}
