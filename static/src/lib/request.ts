/** One request to the server. Every failure is a `Problem`. */
import { offline, Problem, readProblem } from "./problem";
import { text } from "./text";

export interface Ask {
  body?: unknown;
  /** The same key with the same body is carried out once, however often it is sent. */
  key?: string;
  signal?: AbortSignal | undefined;
}

type Method = "GET" | "POST" | "PUT" | "DELETE";

const TIMEOUT_MS = 30_000;

export async function request<T>(method: Method, path: string, { body, key, signal }: Ask = {}): Promise<T> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const headers: Record<string, string> = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (key !== undefined) headers["idempotency-key"] = key;
  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(`/api${path}`, {
      method,
      headers,
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    answer = await readBody(response);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw offline();
  }
  if (!response.ok) throw readProblem(response, answer);
  if (response.status === 204) return undefined as T;
  // A 200 that holds no JSON (a proxy's page, a captive portal) is a failure, not an empty success.
  if (answer === null)
    throw new Problem({ status: response.status, code: "unreadable", title: text.problem.unreadable });
  return answer as T;
}

/** None where the body is no JSON; throws where the line broke before its end. */
async function readBody(response: Response): Promise<unknown> {
  const words = await response.text();
  if (!/[/+]json\b/.test(response.headers.get("content-type") ?? "")) return null;
  try {
    return JSON.parse(words) as unknown;
  } catch {
    return null;
  }
}
