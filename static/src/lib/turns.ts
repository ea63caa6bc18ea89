/** What a conversation looks like, as a pure function of what the server said so far. */
import { insert, pathTo } from "./path";
import type { Memory, SessionEvent, Turn } from "./shapes";

/** A reply on its way, at the place it will have. */
export interface Draft {
  seq: number;
  /** The message it answers. */
  parent: number | null;
  text: string;
  memory: Memory | null;
}

/** Why a reply failed. */
export interface Failure {
  seq: number;
  message: string;
  /** Asking again may help. */
  retry: boolean;
}

export interface Talk {
  /** All versions, by `seq`. */
  turns: Turn[];
  /** Where the shown path ends. */
  head: number | null;
  draft: Draft | null;
  /** The server owes an answer. */
  waiting: boolean;
  /** The message that is to be answered anew, until that answer begins. */
  answering: number | null;
  /** Who is before this conversation; `wait_ms` is a guess. */
  queue: { ahead: number; wait_ms: number | null } | null;
  /** Cleared by the next sign of life. */
  failure: Failure | null;
  closing: boolean;
  ended: boolean;
  deleted: boolean;
}

export interface Beginning {
  turns: Turn[];
  head: number | null;
  waiting: boolean;
  ended: boolean;
}

const STILL = { draft: null, answering: null, queue: null };

export function begin(from: Beginning): Talk {
  return { ...from, ...STILL, failure: null, closing: false, deleted: false };
}

/** Events may come twice, as a stream that resumes repeats what it is not sure of: the second time changes nothing. */
export function apply(talk: Talk, event: SessionEvent): Talk {
  const alive = { ...talk, closing: false };
  switch (event.type) {
    case "said":
      return said(alive, event.turn);
    case "reply_started":
      if (knows(talk, event.seq)) return alive;
      return {
        ...alive,
        ...STILL,
        waiting: true,
        failure: null,
        draft: { seq: event.seq, parent: event.parent, text: "", memory: event.memory },
      };
    case "text":
      if (talk.draft?.seq !== event.seq) return alive;
      return { ...alive, draft: { ...talk.draft, text: talk.draft.text + event.text } };
    case "reply_ended":
      return ended(alive, event.seq, event.turn);
    case "failed":
      return {
        ...alive,
        ...STILL,
        waiting: false,
        failure: { seq: event.seq, message: event.message, retry: event.retry },
      };
    case "queued":
      if (talk.draft) return alive;
      return { ...alive, waiting: true, failure: null, queue: { ahead: event.ahead, wait_ms: event.wait_ms } };
    case "head":
      // A turn that this page has not heard of yet cannot be shown.
      if (event.seq !== null && !knows(talk, event.seq)) return alive;
      // Elsewhere in the talk, what failed here is of no interest.
      return { ...alive, head: event.seq, failure: event.seq === talk.head ? talk.failure : null };
    case "ended":
      return { ...alive, ...STILL, waiting: false, ended: true };
    case "closing":
      return { ...talk, closing: true };
    case "deleted":
      return { ...alive, ...STILL, waiting: false, deleted: true };
  }
}

/** The person's turn is on disk, told by the answer to the request or by the stream, whichever comes first. */
export function said(talk: Talk, turn: Turn): Talk {
  const turns = insert(talk.turns, turn);
  // What was said last is what is shown, even where an older word of the head came between.
  const head = !knows(talk, turn.seq) || turns.at(-1)?.seq === turn.seq ? turn.seq : talk.head;
  if (knows(talk, turn.seq)) return { ...talk, turns, head };
  return { ...talk, turns, head, waiting: true, answering: null, queue: null, failure: null };
}

/** A message as the request's answer tells it: the stream brings the whole turn, with the parent the server gave it. */
export function sent(talk: Talk, message: { seq: number; text: string; replaces?: number }): Talk {
  if (knows(talk, message.seq)) return talk;
  const replaced = talk.turns.find((turn) => turn.seq === message.replaces);
  const parent = replaced ? replaced.parent : talk.draft ? talk.draft.parent : talk.head;
  const { seq, text } = message;
  return said(talk, { seq, parent, speaker: "seeker", text, end: "whole", created_ms: Date.now() });
}

/** The person asked for another answer to this message. */
export function askAgain(talk: Talk, message: number | null): Talk {
  return { ...talk, ...STILL, answering: message, waiting: true, failure: null };
}

/** Asking again did not get through. */
export function notAsked(talk: Talk): Talk {
  return talk.answering === null ? talk : { ...talk, answering: null, waiting: false };
}

/** What is on the screen: the path to the head, cut where an answer is on its way. */
export function shown(talk: Talk): Turn[] {
  const path = pathTo(talk.turns, talk.head);
  const answered = talk.draft ? talk.draft.parent : talk.answering;
  const at = path.findIndex((turn) => turn.seq === answered);
  return at < 0 ? path : path.slice(0, at + 1);
}

/** Whether the reply on its way belongs to the path that is shown. */
export function showsDraft(talk: Talk): boolean {
  const { draft } = talk;
  return draft !== null && (shown(talk).at(-1)?.seq ?? null) === draft.parent;
}

function knows(talk: Talk, seq: number): boolean {
  return talk.turns.some((turn) => turn.seq === seq);
}

function ended(talk: Talk, seq: number, turn: Turn | null): Talk {
  const turns = turn ? insert(talk.turns, turn) : talk.turns;
  // An older reply, told again.
  if (talk.draft && talk.draft.seq > seq) return { ...talk, turns };
  const last = talk.turns.find((known) => known.seq === talk.head);
  // What ended is the answer only if nothing was said after it, or in its place.
  const owed = last?.speaker === "seeker" && last.seq >= seq;
  const isNew = turn !== null && !knows(talk, seq);
  const asked = isNew ? null : talk.answering;
  return {
    ...talk,
    turns,
    head: isNew && !owed ? seq : talk.head,
    draft: null,
    queue: null,
    answering: asked,
    waiting: owed || asked !== null ? talk.waiting : false,
  };
}
