/** Puts the end of an HTTP/2 session off until what has been read is worked through. */

interface Session {
  destroy(error?: Error, code?: number): void;
}

/**
 * Node destroys a session as soon as its other side sends GOAWAY with an error, in the middle of what it has read. It does
 * not set up the streams that follow there, but hands over what comes for them: from version 22 on, that ends the whole
 * process with a failed assertion. So each `destroy` of this session, also Node's own, waits.
 *
 * @param later runs a function after what has been read.
 */
export function destroyLater(session: Session, later: (run: () => void) => void): void {
  const destroy = session.destroy.bind(session);
  session.destroy = (error, code) => later(() => destroy(error, code));
}
