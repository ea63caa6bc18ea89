/** The server's routes and the shapes that travel. Every failure is a `Problem`. */
import { text } from "./text";

export interface Card {
  index: number;
  name: string;
  mbti: string;
  age: string;
  region: string;
  job: string;
  summary: string;
}

export interface StoryPart {
  aspect: string;
  content: string;
}

export interface Character extends Card {
  gender: string;
  story: StoryPart[];
}

/** Why somebody was proposed: what was measured, and nothing else. */
export type Reason =
  | { kind: "shared_experience"; aspect: string; quote: string; cosine: number }
  | { kind: "statement"; cosine: number }
  | { kind: "score"; score: number; scale: "similarity" | "rating" };

export interface Match {
  character: Card;
  score: number;
  reasons: Reason[];
}

export interface Memory {
  aspect: string;
  content: string;
}

export type TurnEnd = "whole" | "cutoff" | "helpcard";

export interface Turn {
  seq: number;
  speaker: "seeker" | "supporter";
  text: string;
  memory?: Memory;
  end: TurnEnd;
  created_ms: number;
}

export interface Session {
  id: string;
  /** None if the bank no longer has this character. */
  supporter: Card | null;
  about: string;
  created_ms: number;
  ended_ms: number | null;
  replying: boolean;
  /** Whoever has read these turns listens after this. */
  last_event: string;
  turns: Turn[];
}

export interface About {
  version: string;
  notice: string;
  model: { name: string; version: string; parameters: number; dtype: string; device: string; context: number };
  characters: number;
  limits: { message_chars: number };
}

export interface Helpline {
  region: string;
  name: string;
  number: string;
  note: string;
}

/** What a session's stream says (`EventKind` of the server). */
export type SessionEvent =
  | { type: "said"; turn: Turn }
  | { type: "reply_started"; seq: number; memory: Memory | null }
  | { type: "text"; seq: number; text: string }
  | { type: "reply_ended"; seq: number; end: TurnEnd; turn: Turn | null }
  | { type: "failed"; seq: number; message: string }
  | { type: "ended" }
  | { type: "closing" };

/** A failure as the server tells it (RFC 9457), or one of the connection itself (`status` 0). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly retryAfter?: number,
  ) {
    super(title);
  }
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem(0, "page", text.problem.title, error instanceof Error ? error.message : String(error));
}

const TIMEOUT_MS = 30_000;

async function request<T>(method: "GET" | "POST", path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response: Response;
  try {
    response = await fetch(`/api${path}`, {
      method,
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      headers: { accept: "application/json", ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, "offline", text.problem.offline, text.problem.offlineDetail);
  }
  const isJson = /[/+]json\b/.test(response.headers.get("content-type") ?? "");
  const answer: unknown = isJson ? await response.json().catch(() => null) : null;
  if (!response.ok) throw readProblem(response, answer);
  if (response.status === 204) return undefined as T;
  // A 200 that holds no JSON (a proxy's page, a captive portal) is a failure, not an empty success.
  if (answer === null) throw new Problem(response.status, "unreadable", text.problem.unreadable, "");
  return answer as T;
}

function readProblem(response: Response, answer: unknown): Problem {
  const told = (answer ?? {}) as { code?: string; title?: string; detail?: string };
  const wait = Number(response.headers.get("retry-after"));
  return new Problem(
    response.status,
    told.code ?? "http",
    told.title ?? `${text.problem.title} (${response.status})`,
    told.detail ?? "",
    Number.isFinite(wait) && wait > 0 ? wait : undefined,
  );
}

export interface BankQuery {
  type: string;
  q: string;
  offset: number;
  limit: number;
}

export const api = {
  about: () => request<About>("GET", "/about"),
  help: () => request<{ helplines: Helpline[] }>("GET", "/help"),
  characters: (query: BankQuery, signal?: AbortSignal) => {
    const search = new URLSearchParams();
    for (const [key, value] of Object.entries(query)) if (value !== "") search.set(key, String(value));
    return request<{ total: number; characters: Card[] }>("GET", `/characters?${search}`, undefined, signal);
  },
  character: (index: number) => request<Character>("GET", `/characters/${index}`),
  /** `help` is the help card's text if what was said tells of danger. */
  match: (said: string, k: number) =>
    request<{ help: string | null; matches: Match[] }>("POST", "/match", { text: said, k }),
  open: (supporter: number, about: string) => request<Session>("POST", "/sessions", { supporter, about }),
  session: (id: string) => request<Session>("GET", `/sessions/${encodeURIComponent(id)}`),
  say: (id: string, said: string) =>
    request<{ seq: number }>("POST", `/sessions/${encodeURIComponent(id)}/messages`, { text: said }),
  stop: (id: string) => request<unknown>("POST", `/sessions/${encodeURIComponent(id)}/stop`),
  end: (id: string) => request<unknown>("POST", `/sessions/${encodeURIComponent(id)}/end`),
};
