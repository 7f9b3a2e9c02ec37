/** Closes an HTTP/2 stream that Node would leave open for ever. */

interface Stream {
  readonly closed: boolean;
  readonly rstCode?: number;
  readonly destroyed: boolean;
  readonly writableFinished: boolean;
  destroy(): void;
}

const NO_ERROR = 0;

/**
 * To be called at the `end` of a stream. A stream that the other side resets with NO_ERROR is closed only when all has been
 * written that was to be sent, which never happens once it is reset: `close` would never come (seen with Node.js 20.20.2).
 * Any other code closes it at once.
 *
 * @param later runs a function after what has been read: Node may still hold the stream until then.
 */
export function destroyReset(stream: Stream, later: (run: () => void) => void): void {
  if (!stream.closed || stream.rstCode !== NO_ERROR || stream.writableFinished) return;
  later(() => {
    if (!stream.destroyed) stream.destroy();
  });
}
