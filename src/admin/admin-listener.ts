/** The admin server where it listens now: a reload may move it to another address. */
import type { Address } from '../core/model.js';
import { isDeepStrictEqual } from 'node:util';
import { createAdmin, type Admin, type AdminOptions } from './server.js';

export class AdminListener {
  readonly #options: AdminOptions;
  #open: { readonly admin: Admin; readonly wanted: Address; readonly address: Address } | undefined;

  constructor(options: AdminOptions) {
    this.#options = options;
  }

  /** Where it listens; a port 0 is the real one. Undefined before the start. */
  get address(): Address | undefined {
    return this.#open?.address;
  }

  /** Opens the new address before it leaves the old one. @throws the socket's error; nothing has changed then. */
  async moveTo(wanted: Address): Promise<void> {
    const previous = this.#open;
    if (previous !== undefined && isDeepStrictEqual(previous.wanted, wanted)) return;
    const admin = createAdmin(this.#options);
    try {
      this.#open = { admin, wanted, address: await admin.listen(wanted) };
    } catch (cause) {
      await admin.close();
      throw cause;
    }
    // Not awaited: the request that asked for this may have come through it.
    previous?.admin.closeGently();
  }

  async close(): Promise<void> {
    await this.#open?.admin.close();
  }
}
