/** One thing being sent: what it waits for, why it failed, and the key that makes a second try harmless. */
import { deliver, sleep, type Wait } from "./deliver";
import type { Unsent } from "./drafts";
import { asProblem, type Problem } from "./problem";

export type Post<T> = (what: T, sending: { key: string; signal: AbortSignal }) => Promise<void>;

export class Sender<T> {
  sending = $state(false);
  wait = $state.raw<Wait | null>(null);
  problem = $state.raw<Problem | null>(null);

  #unsent: Unsent | undefined;
  #cancel: AbortController | undefined;

  constructor(
    private readonly post: Post<T>,
    private readonly pause = sleep,
    /** Where what is unsent outlives this page. */
    private readonly keep?: { first: Unsent | undefined; changed(unsent: Unsent | undefined): void },
  ) {
    this.#unsent = keep?.first;
  }

  /** True once the server has it on disk. The same thing tried again goes with the same key. */
  async send(what: T): Promise<boolean> {
    if (this.sending) return false;
    const body = JSON.stringify(what);
    const unsent = this.#unsent?.what === body ? this.#unsent : { what: body, key: newKey() };
    this.#remember(unsent);
    const { key } = unsent;
    const { signal } = (this.#cancel = new AbortController());
    this.sending = true;
    this.problem = null;
    try {
      const tell = (wait: Wait | null) => (this.wait = wait);
      await deliver(() => this.post(what, { key, signal }), { signal, tell, pause: this.pause });
      this.#remember(undefined);
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      this.problem = asProblem(error);
      if (this.problem.code === "key-reused") this.#remember(undefined);
      return false;
    } finally {
      this.sending = false;
      this.wait = null;
    }
  }

  /** Gives up for now. What was sent already may have arrived: the key is kept. */
  cancel() {
    this.#cancel?.abort();
  }

  #remember(unsent: Unsent | undefined) {
    this.#unsent = unsent;
    this.keep?.changed(unsent);
  }
}

function newKey(): string {
  // Outside a secure context (plain http on a local network) browsers have no `randomUUID`.
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
