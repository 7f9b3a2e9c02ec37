/** Where connections of one client go: to the addresses of a name in turn, or to the only address there is. */
import { isIP } from 'node:net';
import type { Target } from '../../core/model.js';
import type { Name, Names } from './names.js';

/** As `net.connect` takes them: IP addresses, or the path of a socket. */
export type OnTargetAddresses = (error: Error | undefined, addresses: readonly string[]) => void;

/** The name that has to be looked up for the target; undefined where there is none. */
export function nameOf({ host, socketPath }: Target): string | undefined {
  return socketPath === undefined && isIP(host) === 0 ? host : undefined;
}

export class TargetAddresses {
  /** Undefined where there is nothing to look up. */
  readonly #name: Name | undefined;
  readonly #only: readonly string[];

  /** @param address one that is known already. */
  constructor(target: Target, address: string | undefined, names: Names) {
    const name = address === undefined ? nameOf(target) : undefined;
    this.#name = name === undefined ? undefined : names.get(name);
    this.#only = [address ?? target.socketPath ?? target.host];
  }

  /** Connections to it should not be used any more. */
  isGone(address: string): boolean {
    return this.#name?.isGone(address) === true;
  }

  /** To be called at each use. */
  touch(nowMs: number): void {
    this.#name?.touch(nowMs);
  }

  /** Tells them at once where there is nothing to look up. */
  find(onAddresses: OnTargetAddresses): void {
    if (this.#name === undefined) return onAddresses(undefined, this.#only);
    this.#name.find((error, found) =>
      onAddresses(
        error,
        found.map(({ address }) => address),
      ),
    );
  }
}
