/** A session's events over SSE. The browser resumes by Last-Event-ID; where it gives up (an error status), this goes on. */
import { api } from "./api";
import { asProblem, notThere, unknownHere } from "./problem";
import type { SessionEvent } from "./shapes";

/** `unknown`: the server answers, but does not know this browser. */
export type Link = "connecting" | "open" | "lost" | "unknown";

export interface Listener {
  event(event: SessionEvent): void;
  link(link: Link): void;
  /** The server knows no such session of this browser's. */
  gone(): void;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
/** A server that does not know this browser has to be put right by somebody. */
const UNKNOWN_WAIT_MS = 30_000;

export class EventStream {
  #source: EventSource | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wait = FIRST_WAIT_MS;
  #closed = false;
  /** The server did not know this browser when it was last asked. */
  #unknown = false;

  constructor(
    readonly id: string,
    /** The last event seen; the stream goes on after it. */
    private last: string,
    readonly listener: Listener,
  ) {
    this.#connect();
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#source?.close();
  }

  #connect() {
    const source = new EventSource(
      `/api/sessions/${encodeURIComponent(this.id)}/events?after=${encodeURIComponent(this.last)}`,
    );
    this.#source = source;
    source.onopen = () => {
      this.#wait = FIRST_WAIT_MS;
      this.#unknown = false;
      this.listener.link("open");
    };
    source.onmessage = (message: MessageEvent<string>) => {
      if (message.lastEventId) this.last = message.lastEventId;
      const event = read(message.data);
      if (event) this.listener.event(event);
    };
    source.onerror = () => {
      if (this.#closed) return;
      const refused = source.readyState === EventSource.CLOSED;
      // What is known to be so is not told anew with every try.
      if (!refused || !this.#unknown) this.listener.link("lost");
      if (refused) void this.#again();
    };
  }

  /** The browser does not retry after an error status: ask whether the session still is, then connect anew. */
  async #again() {
    const problem = await api.session(this.id).then(() => null, asProblem);
    if (this.#closed) return;
    if (problem && notThere(problem)) return this.listener.gone();
    const known = !this.#unknown;
    this.#unknown = problem !== null && unknownHere(problem);
    if (this.#unknown) this.listener.link("unknown");
    else if (!known) this.listener.link("lost");
    const wait = this.#unknown ? UNKNOWN_WAIT_MS : this.#wait;
    this.#timer = setTimeout(() => this.#connect(), wait * (0.75 + Math.random() / 2));
    if (!this.#unknown) this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
  }
}

function read(data: string): SessionEvent | null {
  try {
    return JSON.parse(data) as SessionEvent;
  } catch {
    return null;
  }
}
