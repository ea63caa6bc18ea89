/** A failure as the server tells it (RFC 9457), or one of the connection itself (`status` 0). */
import { text } from "./text";

export interface Told {
  status: number;
  /** Never changes its meaning; title and detail are for people. */
  code: string;
  title: string;
  detail?: string;
  /** When to come again, in seconds. */
  retryAfter?: number | undefined;
  /** How many people are before this one, where the server says so. */
  ahead?: number | undefined;
  /** The help card's text, if what was refused tells of danger. */
  help?: string | null | undefined;
}

export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly retryAfter: number | undefined;
  readonly ahead: number | undefined;
  readonly help: string | null;

  constructor(told: Told) {
    super(told.title);
    this.status = told.status;
    this.code = told.code;
    this.title = told.title;
    this.detail = told.detail ?? "";
    this.retryAfter = told.retryAfter;
    this.ahead = told.ahead;
    this.help = told.help ?? null;
  }
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new Problem({ status: 0, code: "page", title: text.problem.title, detail });
}

/** Nobody answered, or the answer was lost on the way: whether the request was carried out is unknown. */
export function offline(): Problem {
  return new Problem({ status: 0, code: "offline", title: text.problem.offline, detail: text.problem.offlineDetail });
}

/** The failure in an answer whose status tells of one; `body` is its JSON, if it has any. A code that this page knows is
 * told in the page's words, which are for whoever sits before it. */
export function readProblem(response: Response, body: unknown): Problem {
  const told = (body ?? {}) as { code?: string; title?: string; detail?: string; ahead?: number; help?: string };
  const code = told.code ?? "http";
  const words = text.codes[code];
  return new Problem({
    status: response.status,
    code,
    title: words?.title ?? told.title ?? `${text.problem.title} (${response.status})`,
    detail: words?.detail ?? told.detail ?? "",
    retryAfter: seconds(response.headers.get("retry-after")),
    ahead: typeof told.ahead === "number" ? told.ahead : undefined,
    help: typeof told.help === "string" ? told.help : null,
  });
}

/** The server does not know this browser: nothing that needs a visitor was done. */
export function unknownHere(problem: Problem): boolean {
  return problem.status === 401;
}

/** Nothing of this browser's is there: deleted before, or somebody else's. A proxy's own 404 says no such thing. */
export function notThere(problem: Problem): boolean {
  return problem.status === 404 && problem.code === "no-such-session";
}

/** Whether the request was carried out is unknown: its answer was lost, or comes from somebody on the way. */
export function inDoubt({ status, code }: Problem): boolean {
  return status < 400 || ["http", "internal", "interrupted"].includes(code);
}

/** What to say above the reason why something was not deleted. */
export function undeleted(problem: Problem): string {
  return inDoubt(problem) ? text.chat.undone : text.yours.kept;
}

/** `Retry-After` holds seconds, or a date where a proxy wrote it. */
function seconds(header: string | null): number | undefined {
  if (header === null) return undefined;
  const given = /^\d+$/.test(header) ? Number(header) : Math.ceil((Date.parse(header) - Date.now()) / 1000);
  return given > 0 ? given : undefined;
}
