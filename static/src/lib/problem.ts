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
}

export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly retryAfter: number | undefined;
  readonly ahead: number | undefined;

  constructor(told: Told) {
    super(told.title);
    this.status = told.status;
    this.code = told.code;
    this.title = told.title;
    this.detail = told.detail ?? "";
    this.retryAfter = told.retryAfter;
    this.ahead = told.ahead;
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

/** The failure in an answer whose status tells of one; `body` is its JSON, if it has any. */
export function readProblem(response: Response, body: unknown): Problem {
  const told = (body ?? {}) as { code?: string; title?: string; detail?: string; ahead?: number };
  return new Problem({
    status: response.status,
    code: told.code ?? "http",
    title: told.title ?? `${text.problem.title} (${response.status})`,
    detail: told.detail ?? "",
    retryAfter: seconds(response.headers.get("retry-after")),
    ahead: typeof told.ahead === "number" ? told.ahead : undefined,
  });
}

/** `Retry-After` holds seconds, or a date where a proxy wrote it. */
function seconds(header: string | null): number | undefined {
  if (header === null) return undefined;
  const given = /^\d+$/.test(header) ? Number(header) : Math.ceil((Date.parse(header) - Date.now()) / 1000);
  return given > 0 ? given : undefined;
}
