/** The shapes that travel between the page and the server. */

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

export type TurnEnd = "whole" | "cutoff" | "helpcard" | "failed";

export interface Turn {
  seq: number;
  /** The turn this one follows; turns of one parent and one speaker are versions of each other. */
  parent: number | null;
  speaker: "seeker" | "supporter";
  text: string;
  memory?: Memory | null;
  end: TurnEnd;
  created_ms: number;
}

export interface Session {
  id: string;
  /** None if the bank no longer has this character. */
  supporter: Card | null;
  about: string;
  created_ms: number;
  used_ms: number;
  ended_ms: number | null;
  /** The newest turn of the talk as it is shown. */
  head: number | null;
  replying: boolean;
  /** Whoever has read these turns listens after this. */
  last_event: string;
  /** All versions. */
  turns: Turn[];
}

/** A session in the list of somebody's conversations. */
export interface SessionLine {
  id: string;
  supporter: Card | null;
  about: string;
  created_ms: number;
  used_ms: number;
  ended_ms: number | null;
  /** How many. */
  turns: number;
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
  | { type: "reply_started"; seq: number; parent: number | null; memory: Memory | null }
  | { type: "text"; seq: number; text: string }
  | { type: "reply_ended"; seq: number; end: TurnEnd; turn: Turn | null }
  | { type: "failed"; seq: number; message: string; retry: boolean }
  | { type: "queued"; seq: number; ahead: number; wait_ms: number | null }
  | { type: "head"; seq: number | null }
  | { type: "ended" }
  | { type: "closing" }
  | { type: "deleted" };
