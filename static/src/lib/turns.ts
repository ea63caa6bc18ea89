/** What a conversation looks like, as a pure function of what the server said so far. */
import type { Memory, SessionEvent, Turn } from "./api";

/** A reply on its way. */
export interface Draft {
  text: string;
  memory: Memory | null;
}

export interface Talk {
  turns: Turn[];
  draft: Draft | null;
  /** The last reply failed; cleared by the next sign of life. */
  problem: { title: string; detail: string } | null;
  restarting: boolean;
  ended: boolean;
}

export function begin(turns: Turn[], ended: boolean): Talk {
  return { turns, draft: null, problem: null, restarting: false, ended };
}

/** Events may come twice (a stream that resumes) and a stored turn replaces the draft it grew from. */
export function apply(talk: Talk, event: SessionEvent): Talk {
  const alive = { ...talk, restarting: false };
  switch (event.kind) {
    case "reply-started":
      return { ...alive, problem: null, draft: { text: "", memory: event.memory } };
    case "text":
      return { ...alive, draft: { memory: talk.draft?.memory ?? null, text: (talk.draft?.text ?? "") + event.text } };
    case "reply-ended":
      return alive;
    case "turn": {
      const turns = insert(talk.turns, event.turn);
      return { ...alive, turns, draft: event.turn.speaker === "supporter" ? null : talk.draft };
    }
    case "problem":
      return { ...alive, draft: null, problem: { title: event.title, detail: event.detail } };
    case "ended":
      return { ...alive, draft: null, ended: true };
    case "restart":
      return { ...talk, restarting: true };
  }
}

/** Puts the turn at its place; the same turn again changes nothing. */
export function insert(turns: Turn[], turn: Turn): Turn[] {
  if (turns.some((known) => known.seq === turn.seq)) return turns;
  return [...turns, turn].sort((a, b) => a.seq - b.seq);
}

/** Whether the server owes an answer: a draft grows, or the last word was the person's and nothing failed. */
export function awaiting(talk: Talk): boolean {
  if (talk.ended || talk.problem) return false;
  return talk.draft !== null || talk.turns.at(-1)?.speaker === "seeker";
}
