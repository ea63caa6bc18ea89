import { describe, expect, it } from "vitest";
import type { SessionEvent, Turn } from "./api";
import { apply, begin, said } from "./turns";

const turn = (seq: number, speaker: Turn["speaker"], text: string): Turn => ({
  seq,
  speaker,
  text,
  end: "whole",
  created_ms: 0,
});
const reply = turn(1, "supporter", "Good evening.");
const events: SessionEvent[] = [
  { type: "reply_started", seq: 1, memory: { aspect: "hobby", content: "You sail." } },
  { type: "text", seq: 1, text: "Good " },
  { type: "text", seq: 1, text: "evening." },
  { type: "reply_ended", seq: 1, end: "whole", turn: reply },
];
const asked = said(begin([], false, false), turn(0, "seeker", "Hello"));

describe("a talk", () => {
  it("grows a draft word by word and replaces it by the stored turn", () => {
    expect(asked.waiting).toBe(true);
    const growing = events.slice(0, 3).reduce(apply, asked);
    expect(growing.draft).toEqual({ seq: 1, text: "Good evening.", memory: { aspect: "hobby", content: "You sail." } });
    const done = events.reduce(apply, asked);
    expect(done.draft).toBeNull();
    expect(done.turns).toEqual([asked.turns[0], reply]);
    expect(done.waiting).toBe(false);
  });

  it("changes nothing when a stream that resumes repeats itself", () => {
    const once = events.reduce(apply, asked);
    expect([...events, ...events].reduce(apply, asked)).toEqual(once);
    const again = [...events.slice(0, 2), ...events.slice(0, 3)].reduce(apply, asked);
    expect(again.draft?.text).toBe("Good evening.");
  });

  it("keeps turns in their order, whichever comes first", () => {
    const late = apply(begin([reply], false, false), { type: "said", turn: turn(0, "seeker", "Hello") });
    expect(late.turns.map((each) => each.seq)).toEqual([0, 1]);
  });

  it("tells a failure, waits no longer, and forgets it when the person writes again", () => {
    const failed = apply(apply(asked, events[0] as SessionEvent), { type: "failed", seq: 1, message: "busy" });
    expect(failed.draft).toBeNull();
    expect(failed.failure).toBe("busy");
    expect(failed.waiting).toBe(false);
    const again = apply(failed, { type: "said", turn: turn(1, "seeker", "And now?") });
    expect(again.failure).toBeNull();
    expect(again.waiting).toBe(true);
  });

  it("waits for the answer to what was said while a reply was cut off", () => {
    const cut = { ...reply, end: "cutoff" } as const;
    // The request's answer may overtake the events that came before it.
    const both = [
      events[0] as SessionEvent,
      { type: "said", turn: turn(2, "seeker", "Wait") },
      { type: "reply_ended", seq: 1, end: "cutoff", turn: cut },
    ] satisfies SessionEvent[];
    const talk = both.reduce(apply, asked);
    expect(talk.turns.map((each) => each.seq)).toEqual([0, 1, 2]);
    expect(talk.draft).toBeNull();
    expect(talk.waiting).toBe(true);
  });

  it("keeps a reply that was stopped before its first word as the answer", () => {
    const silent = { ...reply, text: "", end: "cutoff" } as const;
    const stopped = apply(apply(asked, events[0] as SessionEvent), {
      type: "reply_ended",
      seq: 1,
      end: "cutoff",
      turn: silent,
    });
    expect(stopped.turns.at(-1)).toEqual(silent);
    expect(stopped.waiting).toBe(false);
  });
});
