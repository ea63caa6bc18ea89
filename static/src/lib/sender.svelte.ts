/** One thing being sent: what it waits for, why it failed, and the key that makes a second try harmless. A key is kept only
 * while it is the same thing that is tried again; kept longer, it would swallow the same words said anew. */
import { deliver, sleep, type Wait } from "./deliver";
import type { Unsent } from "./drafts";
import { asProblem, inDoubt, type Problem } from "./problem";

export type Post<T> = (what: T, sending: { key: string; signal: AbortSignal }) => Promise<void>;

/** Where what is unsent outlives this page. */
export interface Keep {
  first?: Unsent | undefined;
  changed?(unsent: Unsent | undefined): void;
  /** The newest turn there is. */
  newest?(): number;
}

export class Sender<T> {
  sending = $state(false);
  wait = $state.raw<Wait | null>(null);
  problem = $state.raw<Problem | null>(null);

  #unsent: Unsent | undefined;
  #cancel: AbortController | undefined;
  /** What is being sent was heard of: it has arrived, whatever becomes of the answer. */
  #heard = false;

  constructor(
    private readonly post: Post<T>,
    private readonly pause = sleep,
    private readonly keep: Keep = {},
  ) {
    this.#unsent = keep.first;
  }

  /** True once the server has it on disk. The same thing tried again goes with the same key. */
  async send(what: T): Promise<boolean> {
    if (this.sending) return false;
    const body = JSON.stringify(what);
    const after = this.keep.newest?.() ?? -1;
    const unsent = this.#unsent?.what === body ? this.#unsent : { what: body, key: newKey(), after, doubt: false };
    this.#remember(unsent);
    const { signal } = (this.#cancel = new AbortController());
    this.sending = true;
    this.#heard = false;
    this.problem = null;
    try {
      const tell = (wait: Wait | null) => (this.wait = wait);
      await deliver(() => this.#attempt(what, unsent.key, signal), { signal, tell, pause: this.pause });
      this.#remember(undefined);
      return true;
    } catch (error) {
      if (this.#heard) return true;
      if (signal.aborted) return false;
      this.problem = asProblem(error);
      if (this.problem.code === "key-reused") this.#remember(undefined);
      return false;
    } finally {
      this.sending = false;
      this.wait = null;
    }
  }

  /** This was said, as turn `seq`. True if it is what was being sent: it has arrived, and is not sent again. */
  arrived(what: T, seq: number): boolean {
    const unsent = this.#unsent;
    if (!unsent?.doubt || unsent.what !== JSON.stringify(what) || seq <= unsent.after) return false;
    this.#remember(undefined);
    this.#heard = true;
    this.problem = null;
    // Between two tries; a try that is under way brings its answer.
    if (this.wait) this.cancel();
    return true;
  }

  /** Stops trying. What was sent already may have arrived: the key is kept. */
  cancel() {
    this.#cancel?.abort();
  }

  /** It is not to be sent: what is said next, even the same words, is something new. */
  giveUp() {
    this.cancel();
    this.forget();
  }

  /** Nobody wants to try this again. */
  forget() {
    this.#remember(undefined);
  }

  async #attempt(what: T, key: string, signal: AbortSignal) {
    const before = this.#unsent?.doubt ?? false;
    this.#doubt(true);
    try {
      await this.post(what, { key, signal });
    } catch (error) {
      if (this.#heard) return;
      if (!signal.aborted && !inDoubt(asProblem(error))) this.#doubt(before);
      throw error;
    }
  }

  #doubt(doubt: boolean) {
    if (this.#unsent && this.#unsent.doubt !== doubt) this.#remember({ ...this.#unsent, doubt });
  }

  #remember(unsent: Unsent | undefined) {
    if (unsent === this.#unsent) return;
    this.#unsent = unsent;
    this.keep.changed?.(unsent);
  }
}

function newKey(): string {
  // Outside a secure context (plain http on a local network) browsers have no `randomUUID`.
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
