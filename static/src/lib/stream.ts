/** A session's events over SSE. A tab that nobody looks at gives its line back: over HTTP/1.1 a browser has six of them for
 * all its tabs. The browser resumes by Last-Event-ID; where it gives up (an error status), this goes on. */
import { api } from "./api";
import { whileHidden } from "./hidden";
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
const LONGEST_HIDDEN_MS = 30_000;
const LONGEST_WAIT_MS = 10_000;
/** A server that does not know this browser has to be put right by somebody. */
const UNKNOWN_WAIT_MS = 30_000;

export class EventStream {
  #source: EventSource | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wait = FIRST_WAIT_MS;
  /** No line is wanted now. */
  #resting = false;
  #unwatch: () => void;
  /** The server did not know this browser when it was last asked. */
  #unknown = false;

  constructor(
    readonly id: string,
    /** The last event seen; the stream goes on after it. */
    private last: string,
    readonly listener: Listener,
  ) {
    this.#connect();
    this.#unwatch = whileHidden(
      LONGEST_HIDDEN_MS,
      () => this.#rest(),
      () => this.#connect(),
    );
  }

  close() {
    this.#rest();
    this.#unwatch();
  }

  /** No line is held, and none is tried for, until somebody looks. */
  #rest() {
    this.#resting = true;
    clearTimeout(this.#timer);
    this.#source?.close();
  }

  #connect() {
    this.#resting = false;
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
      if (this.#resting) return;
      const refused = source.readyState === EventSource.CLOSED;
      // What is known to be so is not told anew with every try.
      if (!refused || !this.#unknown) this.listener.link("lost");
      if (refused) void this.#again(source);
    };
  }

  /** The browser does not retry after an error status: ask whether the session still is, then connect anew. */
  async #again(source: EventSource) {
    const problem = await api.session(this.id).then(() => null, asProblem);
    // The tab was hidden, or even shown again, meanwhile.
    if (this.#resting || this.#source !== source) return;
    if (problem && notThere(problem)) {
      this.close();
      return this.listener.gone();
    }
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
