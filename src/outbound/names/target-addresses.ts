/** The addresses of one target: those of its name, or the only one where the target is an address or a socket. */
import { isIP } from 'node:net';
import type { Target } from '../../core/model.js';
import { AddressOrder } from './address-order.js';
import type { Name, Names } from './names.js';

/** As `net.connect` takes it: an IP address, or the path of a socket. */
export type OnTargetAddresses = (error: Error | undefined, addresses: readonly string[]) => void;

export class TargetAddresses {
  readonly order = new AddressOrder();
  /** Undefined where there is nothing to look up. */
  readonly #name: Name | undefined;
  readonly #only: readonly string[];

  constructor({ host, socketPath }: Target, names: Names) {
    const isName = socketPath === undefined && isIP(host) === 0;
    this.#name = isName ? names.get(host) : undefined;
    this.#only = [socketPath ?? host];
  }

  /** As far as they are known. */
  get known(): readonly string[] {
    return this.#name?.addresses.map(({ address }) => address) ?? this.#only;
  }

  /** There may be a choice between addresses. */
  get areMany(): boolean {
    return this.#name !== undefined && this.#name.addresses.length > 1;
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
    this.#name.find((error, found) => {
      const addresses = found.map(({ address }) => address);
      if (error === undefined) this.order.retain((address) => addresses.includes(address));
      onAddresses(error, addresses);
    });
  }
}
