/** The admin server where it listens now: a reload may move it to other addresses. */
import type { Address } from '../core/model.js';
import { isDeepStrictEqual } from 'node:util';
import type { AdminEndpoint } from './endpoint.js';
import { createEndpoints, createObservingEndpoints } from './endpoints/index.js';
import { createAdmin, type Admin, type AdminOptions } from './server.js';

/** The options that hold addresses, in the order in which they are opened. */
const endpointsOf = {
  metrics: createObservingEndpoints,
  listen: createEndpoints,
} satisfies Record<string, (options: AdminOptions) => readonly AdminEndpoint[]>;

type Role = keyof typeof endpointsOf;
const roles = Object.keys(endpointsOf) as Role[];

export type AdminAddresses = Readonly<Record<Role, Address | undefined>>;

/** An address that cannot be opened; `cause` is the error of the socket. */
export class CannotListen extends Error {
  constructor(
    readonly option: `admin.${Role}`,
    readonly address: Address,
    cause: unknown,
  ) {
    super(`Cannot open ${option}`, { cause });
  }
}

interface Opened {
  readonly admin: Admin;
  readonly wanted: Address;
  readonly address: Address;
}

export class AdminListener {
  readonly #options: AdminOptions;
  #open: ReadonlyMap<Role, Opened> = new Map();

  constructor(options: AdminOptions) {
    this.#options = options;
  }

  /** Where it listens, the address of all endpoints last; a port 0 is the real one. Empty before the start. */
  get addresses(): { readonly role: Role; readonly address: Address }[] {
    return [...this.#open].map(([role, { address }]) => ({ role, address }));
  }

  /** Opens new addresses before it leaves the old ones. @throws CannotListen; nothing has changed then. */
  async moveTo(wanted: AdminAddresses): Promise<void> {
    const before = this.#open;
    const next = new Map<Role, Opened>();
    const opened: Admin[] = [];
    for (const role of roles) {
      const address = wanted[role];
      if (address === undefined) continue;
      const previous = before.get(role);
      if (previous !== undefined && isDeepStrictEqual(previous.wanted, address)) {
        next.set(role, previous);
        continue;
      }
      const admin = createAdmin(this.#options, endpointsOf[role](this.#options));
      opened.push(admin);
      try {
        next.set(role, { admin, wanted: address, address: await admin.listen(address) });
      } catch (cause) {
        await Promise.all(opened.map((each) => each.close()));
        throw new CannotListen(`admin.${role}`, address, cause);
      }
    }
    this.#open = next;
    // Not awaited: the request that asked for this may have come through one of them.
    for (const [role, { admin }] of before) {
      if (next.get(role)?.admin !== admin) admin.closeGently();
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map(({ admin }) => admin.close()));
  }
}
