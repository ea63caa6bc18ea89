/** Who this browser is to the server: nobody, until a conversation is opened. The server's cookie is the only thing that
 * leads to somebody's conversations, and arriving replaces it: nothing but their wish to begin may do that. */
import { Problem } from "./problem";

export class Visitor {
  #arriving: Promise<unknown> | undefined;

  /** `arrive` asks the server for a cookie; a browser that has a valid one keeps it. */
  constructor(private readonly arrive: () => Promise<unknown>) {}

  /** Makes the call; if the server does not know this browser, arrives first and makes it once more. Only for a call
   * that begins something. */
  async known<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== "no-visitor") throw error;
    }
    await this.#once();
    return call();
  }

  /** Calls that find themselves unknown at the same time share one arrival. */
  #once(): Promise<unknown> {
    this.#arriving ??= alone(this.arrive).finally(() => (this.#arriving = undefined));
    return this.#arriving;
  }
}

/** Two tabs that arrive at once would be two visitors, and one's conversations lost to the other. */
function alone(arrive: () => Promise<unknown>): Promise<unknown> {
  // Browsers have locks in secure contexts only.
  const locks = typeof navigator === "undefined" ? undefined : (navigator.locks as LockManager | undefined);
  return locks ? locks.request("kindred-visitor", arrive) : arrive();
}
