/** A session's events over SSE. The browser resumes by Last-Event-ID; where it gives up (an error status), this goes on. */
import { api } from "./api";
import { asProblem } from "./problem";
import type { SessionEvent } from "./shapes";

export type Link = "connecting" | "open" | "lost";

export interface Listener {
  event(event: SessionEvent): void;
  link(link: Link): void;
  /** The server refused for good: it knows no such session, or not for this browser. */
  gone(): void;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

export class EventStream {
  #source: EventSource | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wait = FIRST_WAIT_MS;
  #closed = false;

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
      this.listener.link("open");
    };
    source.onmessage = (message: MessageEvent<string>) => {
      if (message.lastEventId) this.last = message.lastEventId;
      const event = read(message.data);
      if (event) this.listener.event(event);
    };
    source.onerror = () => {
      if (this.#closed) return;
      this.listener.link("lost");
      if (source.readyState === EventSource.CLOSED) void this.#again();
    };
  }

  /** The browser does not retry after an error status: ask whether the session still is, then connect anew. */
  async #again() {
    const status = await api.session(this.id).then(
      () => 200,
      (error: unknown) => asProblem(error).status,
    );
    if (this.#closed) return;
    if (status === 404) return this.listener.gone();
    this.#timer = setTimeout(() => this.#connect(), this.#wait * (0.75 + Math.random() / 2));
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
  }
}

function read(data: string): SessionEvent | null {
  try {
    return JSON.parse(data) as SessionEvent;
  } catch {
    return null;
  }
}
