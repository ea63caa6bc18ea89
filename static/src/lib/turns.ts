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
  /** The server owes an answer. */
  waiting: boolean;
  /** Why the last reply failed; cleared by the next sign of life. */
  failure: string | null;
  closing: boolean;
  ended: boolean;
}

export function begin(turns: Turn[], waiting: boolean, ended: boolean): Talk {
  return { turns, draft: null, waiting, failure: null, closing: false, ended };
}

/** Events may come twice, as a stream that resumes repeats what it is not sure of: the second time changes nothing. */
export function apply(talk: Talk, event: SessionEvent): Talk {
  const alive = { ...talk, closing: false };
  const stored = (seq: number) => talk.turns.some((turn) => turn.seq === seq);
  switch (event.type) {
    case "said":
      return said(alive, event.turn);
    case "reply_started":
      if (stored(event.seq)) return alive;
      return {
        ...alive,
        waiting: true,
        failure: null,
        draft: { seq: event.seq, text: "", memory: event.memory },
      };
    case "text":
      if (talk.draft?.seq !== event.seq) return alive;
      return { ...alive, draft: { ...talk.draft, text: talk.draft.text + event.text } };
    case "reply_ended": {
      if (talk.draft && talk.draft.seq > event.seq) return alive;
      const turns = event.turn ? insert(talk.turns, event.turn) : talk.turns;
      // What ended is the answer only if nothing was said after it.
      const waiting = talk.waiting && turns.at(-1)?.speaker === "seeker" && event.turn !== null;
      return { ...alive, turns, draft: null, waiting };
    }
    case "failed":
      return { ...alive, draft: null, waiting: false, failure: event.message };
    case "ended":
      return { ...alive, draft: null, waiting: false, ended: true };
    case "closing":
      return { ...talk, closing: true };
  }
}

/** The person's turn is on disk, told by the answer to the request or by the stream, whichever comes first. */
export function said(talk: Talk, turn: Turn): Talk {
  if (talk.turns.some((known) => known.seq === turn.seq)) return talk;
  return { ...talk, turns: insert(talk.turns, turn), waiting: true, failure: null };
}

/** Puts the turn at its place; the same turn again changes nothing. */
export function insert(turns: Turn[], turn: Turn): Turn[] {
  if (turns.some((known) => known.seq === turn.seq)) return turns;
  return [...turns, turn].sort((a, b) => a.seq - b.seq);
}
