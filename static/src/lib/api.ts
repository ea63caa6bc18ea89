/** The server's routes. */
import { request } from "./request";
import type { About, Card, Character, Helpline, Match, Session, SessionLine, Turn } from "./shapes";
import { Visitor } from "./visitor";

export interface BankQuery {
  type: string;
  q: string;
  offset: number;
  limit: number;
}

/** What is sent once, however often it must be tried. */
export interface Sending {
  key: string;
  signal?: AbortSignal | undefined;
}

const visitor = new Visitor(() => request("POST", "/visitor"));

const session = (id: string) => `/sessions/${encodeURIComponent(id)}`;

export const api = {
  about: () => request<About>("GET", "/about"),
  help: () => request<{ helplines: Helpline[] }>("GET", "/help"),
  characters: (query: BankQuery, signal?: AbortSignal) => {
    const search = new URLSearchParams();
    for (const [key, value] of Object.entries(query)) if (value !== "") search.set(key, String(value));
    return request<{ help: string | null; total: number; characters: Card[] }>("GET", `/characters?${search}`, {
      signal,
    });
  },
  character: (index: number) => request<Character>("GET", `/characters/${index}`),
  /** `help` is the help card's text if what was said tells of danger. */
  match: (said: string, k: number) =>
    request<{ help: string | null; matches: Match[] }>("POST", "/match", { body: { text: said, k } }),

  /** Everything of this browser's is deleted. */
  forget: () => request<undefined>("DELETE", "/visitor"),
  /** An address for a link: the browser saves what it holds. */
  exportPath: "/api/visitor/export",

  sessions: (limit: number, cursor: string | null) => {
    const search = new URLSearchParams({ limit: String(limit), ...(cursor === null ? {} : { cursor }) });
    return request<{ sessions: SessionLine[]; next: string | null }>("GET", `/sessions?${search}`);
  },
  open: (supporter: number, about: string, sending: Sending) =>
    visitor.known(() => request<Session>("POST", "/sessions", { body: { supporter, about }, ...sending })),
  session: (id: string) => request<Session>("GET", session(id)),
  remove: (id: string) => request<undefined>("DELETE", session(id)),
  say: (id: string, said: { text: string; replaces?: number }, sending: Sending) =>
    request<{ seq: number }>("POST", `${session(id)}/messages`, { body: said, ...sending }),
  /** Another version of the reply `turn`; without one, an answer to the message at the head. */
  regenerate: (id: string, turn: number | null, sending: Sending) =>
    request<{ seq: number }>("POST", `${session(id)}/regenerate`, { body: turn === null ? {} : { turn }, ...sending }),
  show: (id: string, seq: number) => request<{ head: number }>("PUT", `${session(id)}/head`, { body: { seq } }),
  /** Gives the reply that was cut off; none if none was being made. */
  stop: (id: string) => request<{ turn: Turn | null }>("POST", `${session(id)}/stop`),
  end: (id: string) => request<unknown>("POST", `${session(id)}/end`),
};
