/** Sends something until it has arrived: a lost answer is asked for again, a full server is waited for. */
import { asProblem, type Problem } from "./problem";

/** What passes by itself: these are waited for. A disk that is full or cannot be written needs somebody's hand. */
const PASSING = ["busy", "too-many-requests", "starting", "draining", "interrupted", "model-restarting"] as const;

/** `lost`: no answer came; `later`: somebody on the way asked to come again. Else the server's code. */
export type Why = "lost" | "later" | (typeof PASSING)[number];

/** Why nothing happens just now, and until when. */
export interface Wait {
  why: Why;
  /** Milliseconds since 1970. */
  until: number;
  ahead: number | null;
}

export interface Delivery {
  signal: AbortSignal;
  tell(wait: Wait | null): void;
  pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** How long to wait after the first, second, third lost answer. */
export const PAUSES_MS = [1000, 2000, 4000];
/** Nobody should sit before a page for longer than this: the problem is told instead. */
export const LONGEST_WAIT_S = 300;
/** After so many tries in all, whoever sits there decides. */
export const MOST_TRIES = 20;
/** Those who were sent away together must not all come back in the same moment. */
const SPREAD_MS = 500;

/** `attempt` must be safe to repeat (one key for all attempts). Throws what cannot be helped by trying again. */
export async function deliver<T>(attempt: () => Promise<T>, { signal, tell, pause = sleep }: Delivery): Promise<T> {
  let lost = 0;
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (signal.aborted) throw error;
      const problem = asProblem(error);
      const found = tries < MOST_TRIES ? waitAfter(problem, lost) : null;
      if (found === null) throw problem;
      lost = found.why === "lost" ? lost + 1 : 0;
      tell({ why: found.why, until: Date.now() + found.ms, ahead: problem.ahead ?? null });
      await pause(found.ms, signal);
      tell(null);
    }
  }
}

/** None where another try would not help. */
export function waitAfter(problem: Problem, lost: number): { why: Why; ms: number } | null {
  const { status, code, retryAfter } = problem;
  if ((status === 429 || status === 503) && retryAfter !== undefined) {
    const why = code === "http" ? "later" : PASSING.find((each) => each === code);
    if (why === undefined || retryAfter > LONGEST_WAIT_S) return null;
    return { why, ms: retryAfter * 1000 + Math.random() * SPREAD_MS };
  }
  // 502 and 504 are a proxy's words for: no answer came.
  const ms = code === "offline" || status === 502 || status === 504 ? PAUSES_MS[lost] : undefined;
  return ms === undefined ? null : { why: "lost", ms };
}

export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", stopped);
    function done() {
      signal.removeEventListener("abort", stopped);
      resolve();
    }
    function stopped() {
      clearTimeout(timer);
      reject(new DOMException("cancelled", "AbortError"));
    }
  });
}
