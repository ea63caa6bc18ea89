/** For tests: a server that answers as told, and event streams that are only written down. */
import { vi } from "vitest";
import type { Session, SessionEvent, Turn } from "./shapes";

/** A status and a body; or a lost answer. */
export type Answer = [status: number, body?: unknown, headers?: Record<string, string>] | "lost";

export const NO_VISITOR: Answer = [401, { code: "no-visitor", title: "You are not known here", detail: "cookie" }];
export const NO_SESSION: Answer = [404, { code: "no-such-session", title: "There is no such conversation" }];

/** Takes the place of `fetch`; `asked` fills with what was asked for, such as "POST /api/visitor". */
export function standIn(answer: (asked: string, body: unknown, key: string | null) => Answer): string[] {
  const asked: string[] = [];
  vi.stubGlobal("fetch", (url: string, { method, body, headers: sent }: RequestInit) => {
    const what = `${method} ${url}`;
    asked.push(what);
    const given = answer(what, JSON.parse(String(body ?? null)), new Headers(sent).get("idempotency-key"));
    if (given === "lost") return Promise.reject(new TypeError("connection reset"));
    const [status, told, headers] = given;
    const init = { status, headers: { "content-type": "application/json", ...headers } };
    return Promise.resolve(new Response(told === undefined ? null : JSON.stringify(told), init));
  });
  return asked;
}

/** A page that can be hidden. */
export class Page extends EventTarget {
  hidden = false;

  see(seen: boolean) {
    this.hidden = !seen;
    this.dispatchEvent(new Event("visibilitychange"));
  }
}

/** Takes the place of `EventSource`. */
export class Streams {
  static readonly CLOSED = 2;
  static opened: Streams[] = [];
  readyState = 1;
  onopen: (() => void) | undefined;
  onmessage: ((message: { data: string; lastEventId: string }) => void) | undefined;
  onerror: (() => void) | undefined;

  constructor(readonly url: string) {
    Streams.opened.push(this);
  }

  /** Gives the page that they are of. */
  static standIn(): Page {
    const page = new Page();
    Streams.opened = [];
    vi.stubGlobal("EventSource", Streams);
    vi.stubGlobal("document", page);
    return page;
  }

  static get last(): Streams {
    return Streams.opened.at(-1) as Streams;
  }

  close() {
    this.readyState = Streams.CLOSED;
  }

  tell(event: SessionEvent, lastEventId = "") {
    this.onmessage?.({ data: JSON.stringify(event), lastEventId });
  }

  /** The server answered with an error status. */
  refuse() {
    this.close();
    this.onerror?.();
  }
}

export const turn = (seq: number, parent: number | null, speaker: Turn["speaker"], text = `${seq}`): Turn => ({
  seq,
  parent,
  speaker,
  text,
  end: "whole",
  created_ms: 0,
});

export function session(turns: Turn[], more: Partial<Session> = {}): Session {
  const head = turns.at(-1)?.seq ?? null;
  const times = { created_ms: 0, used_ms: 0, ended_ms: null };
  return { id: "a", supporter: null, about: "", ...times, head, replying: false, last_event: "7", turns, ...more };
}
