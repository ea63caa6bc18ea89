/** What a conversation looks like, as a pure function of what the server said so far. */
import type { Memory, SessionEvent, Turn } from "./api";

/** A reply on its way, at the place it will have. */
export interface Draft {
  seq: number;
  text: string;
  memory: Memory | null;
}

export interface Talk {
  turns: Turn[];
  draft: Draft | null;
  /** Why the last reply failed; cleared by the next sign of life. */
  failure: string | null;
  /** The last reply was stopped before its first word. */
  silenced: boolean;
  closing: boolean;
  ended: boolean;
}

export function begin(turns: Turn[], ended: boolean): Talk {
  return { turns, draft: null, failure: null, silenced: false, closing: false, ended };
}

/** Events may come twice, as a stream that resumes repeats what it is not sure of: the second time changes nothing. */
export function apply(talk: Talk, event: SessionEvent): Talk {
  const alive = { ...talk, closing: false };
  const stored = (seq: number) => talk.turns.some((turn) => turn.seq === seq);
  switch (event.type) {
    case "said":
      return { ...alive, turns: insert(talk.turns, event.turn), failure: null, silenced: false };
    case "reply_started":
      if (stored(event.seq)) return alive;
      return { ...alive, failure: null, silenced: false, draft: { seq: event.seq, text: "", memory: event.memory } };
    case "text":
      if (talk.draft?.seq !== event.seq) return alive;
      return { ...alive, draft: { ...talk.draft, text: talk.draft.text + event.text } };
    case "reply_ended": {
      const draft = talk.draft?.seq === event.seq ? null : talk.draft;
      if (event.turn) return { ...alive, draft, turns: insert(talk.turns, event.turn) };
      return { ...alive, draft, silenced: true };
    }
    case "failed":
      return { ...alive, draft: null, failure: event.message };
    case "ended":
      return { ...alive, draft: null, ended: true };
    case "closing":
      return { ...talk, closing: true };
  }
}

/** Puts the turn at its place; the same turn again changes nothing. */
export function insert(turns: Turn[], turn: Turn): Turn[] {
  if (turns.some((known) => known.seq === turn.seq)) return turns;
  return [...turns, turn].sort((a, b) => a.seq - b.seq);
}

/** Whether the server owes an answer: a draft grows, or the last word was the person's and nothing ended it. */
export function awaiting(talk: Talk): boolean {
  if (talk.ended || talk.failure !== null || talk.silenced) return false;
  return talk.draft !== null || talk.turns.at(-1)?.speaker === "seeker";
}
