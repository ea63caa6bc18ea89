import { describe, expect, it } from "vitest";
import type { SessionEvent, Turn } from "./shapes";
import { apply, askAgain, begin, notAsked, said, sent, shown, showsDraft, type Talk } from "./turns";

const turn = (seq: number, parent: number | null, speaker: Turn["speaker"], text: string): Turn => ({
  seq,
  parent,
  speaker,
  text,
  end: "whole",
  created_ms: 0,
});
const hello = turn(0, null, "seeker", "Hello");
const reply = turn(1, 0, "supporter", "Good evening.");
const memory = { aspect: "hobby", content: "You sail." };
const started: SessionEvent = { type: "reply_started", seq: 1, parent: 0, memory };
const ended: SessionEvent = { type: "reply_ended", seq: 1, end: "whole", turn: reply };
const events: SessionEvent[] = [
  started,
  { type: "text", seq: 1, text: "Good " },
  { type: "text", seq: 1, text: "evening." },
  ended,
];
const empty = begin({ turns: [], head: null, waiting: false, ended: false });
const asked = said(empty, hello);
const answered = events.reduce(apply, asked);
const seqs = (talk: Talk) => shown(talk).map((each) => each.seq);

describe("a talk", () => {
  it("grows a draft word by word and replaces it by the stored turn", () => {
    expect(asked.waiting).toBe(true);
    const growing = events.slice(0, 3).reduce(apply, asked);
    expect(growing.draft).toEqual({ seq: 1, parent: 0, text: "Good evening.", memory });
    expect(showsDraft(growing)).toBe(true);
    expect(answered.draft).toBeNull();
    expect(shown(answered)).toEqual([hello, reply]);
    expect(answered.waiting).toBe(false);
  });

  it("changes nothing when a stream that resumes repeats itself", () => {
    expect([...events, ...events].reduce(apply, asked)).toEqual(answered);
    const again = [...events.slice(0, 2), ...events.slice(0, 3)].reduce(apply, asked);
    expect(again.draft?.text).toBe("Good evening.");
  });

  it("keeps turns in their order, whichever comes first", () => {
    const late = apply(begin({ turns: [reply], head: 1, waiting: false, ended: false }), { type: "said", turn: hello });
    expect(late.turns.map((each) => each.seq)).toEqual([0, 1]);
  });

  it("tells a failure, waits no longer, and forgets it when the person writes again", () => {
    const failed = apply(apply(asked, started), { type: "failed", seq: 1, message: "busy", retry: true });
    expect(failed.draft).toBeNull();
    expect(failed.failure).toEqual({ seq: 1, message: "busy", retry: true });
    expect(failed.waiting).toBe(false);
    const again = apply(failed, { type: "said", turn: turn(1, 0, "seeker", "And now?") });
    expect(again.failure).toBeNull();
    expect(again.waiting).toBe(true);
  });

  it("shows a failed reply that is kept, and its reason beside it", () => {
    const kept = { ...reply, text: "Good", end: "failed" } as const;
    const failed = [
      started,
      { type: "failed", seq: 1, message: "out of memory", retry: false },
      { type: "reply_ended", seq: 1, end: "failed", turn: kept },
    ] satisfies SessionEvent[];
    const talk = failed.reduce(apply, asked);
    expect(shown(talk).at(-1)).toEqual(kept);
    expect(talk.failure?.message).toBe("out of memory");
    expect(talk.waiting).toBe(false);
  });

  it("waits for the answer to what was said while a reply was cut off", () => {
    const cut = { ...reply, end: "cutoff" } as const;
    const wait = turn(2, 1, "seeker", "Wait");
    // The request's answer may overtake the events that came before it.
    const overtaken = sent(apply(asked, started), { seq: 2, text: "Wait" });
    expect(seqs(overtaken)).toEqual([0]);
    const talk = [
      { type: "reply_ended", seq: 1, end: "cutoff", turn: cut },
      { type: "head", seq: 1 },
      { type: "said", turn: wait },
    ] satisfies SessionEvent[];
    const done = talk.reduce<Talk>(apply, overtaken);
    expect(seqs(done)).toEqual([0, 1, 2]);
    expect(done.turns.at(-1)).toEqual(wait);
    expect(done.draft).toBeNull();
    expect(done.waiting).toBe(true);
  });

  it("goes on waiting when a message took the place of a reply without words", () => {
    const talk = apply(sent(apply(asked, started), { seq: 1, text: "Wait" }), {
      type: "reply_ended",
      seq: 1,
      end: "cutoff",
      turn: null,
    });
    expect(talk.waiting).toBe(true);
    expect(seqs(talk)).toEqual([0, 1]);
  });

  it("keeps a reply that was stopped before its first word as the answer", () => {
    const silent = { ...reply, text: "", end: "cutoff" } as const;
    const stopped = apply(apply(asked, started), { type: "reply_ended", seq: 1, end: "cutoff", turn: silent });
    expect(shown(stopped).at(-1)).toEqual(silent);
    expect(stopped.waiting).toBe(false);
  });
});

describe("versions of a talk", () => {
  const other = turn(2, 0, "supporter", "Hello to you.");
  const anew: SessionEvent[] = [
    { type: "reply_started", seq: 2, parent: 0, memory: null },
    { type: "text", seq: 2, text: "Hello" },
  ];

  it("cuts the path where a reply is asked for again, and shows the new one there", () => {
    const again = askAgain(answered, 0);
    expect(seqs(again)).toEqual([0]);
    expect(again.waiting).toBe(true);
    const growing = anew.reduce(apply, again);
    expect(seqs(growing)).toEqual([0]);
    expect(growing.draft?.text).toBe("Hello");
    const done = apply(growing, { type: "reply_ended", seq: 2, end: "whole", turn: other });
    expect(seqs(done)).toEqual([0, 2]);
    expect(done.waiting).toBe(false);
    expect(done.turns).toHaveLength(3);
  });

  it("shows in another tab what was asked for in this one", () => {
    const done = [...anew, { type: "reply_ended", seq: 2, end: "whole", turn: other } as const].reduce(apply, answered);
    expect(seqs(done)).toEqual([0, 2]);
    expect(seqs(apply(done, { type: "head", seq: 1 }))).toEqual([0, 1]);
  });

  it("shows the old reply again when asking for another did not get through", () => {
    expect(seqs(notAsked(askAgain(answered, 0)))).toEqual([0, 1]);
    expect(notAsked(askAgain(answered, 0)).waiting).toBe(false);
  });

  it("follows the server, whose talk stands at the message while it is answered anew", () => {
    const again = apply(askAgain(answered, 0), { type: "head", seq: 0 });
    expect(seqs(again)).toEqual([0]);
    expect(again.waiting).toBe(true);
    const failed = apply(again, { type: "failed", seq: 2, message: "busy", retry: true });
    expect(seqs(failed)).toEqual([0]);
    expect(apply(failed, { type: "head", seq: 0 }).failure?.message).toBe("busy");
    const back = apply(failed, { type: "head", seq: 1 });
    expect(seqs(back)).toEqual([0, 1]);
    expect(back.failure).toBeNull();
  });

  it("keeps the old reply when another one fails, and says so", () => {
    const failed = [...anew, { type: "failed", seq: 2, message: "busy", retry: true } as const].reduce(apply, answered);
    expect(seqs(failed)).toEqual([0, 1]);
    expect(failed.failure?.retry).toBe(true);
  });

  it("branches where a message was changed", () => {
    const changed = sent(answered, { seq: 2, text: "Good day", replaces: 0 });
    expect(seqs(changed)).toEqual([2]);
    expect(changed.turns.at(-1)?.parent).toBeNull();
    expect(seqs(apply(changed, { type: "head", seq: 1 }))).toEqual([0, 1]);
  });

  it("does not go to a turn that it does not know", () => {
    expect(apply(answered, { type: "head", seq: 9 }).head).toBe(1);
  });

  it("does not show a reply on a branch that is not looked at", () => {
    const changed = sent(answered, { seq: 2, text: "Good day", replaces: 0 });
    const replying = apply(changed, { type: "reply_started", seq: 3, parent: 2, memory: null });
    expect(showsDraft(replying)).toBe(true);
    const away = apply(replying, { type: "head", seq: 1 });
    expect(showsDraft(away)).toBe(false);
    expect(seqs(away)).toEqual([0, 1]);
  });
});

describe("waiting and ends", () => {
  it("tells who is before, until the reply begins", () => {
    const queued = apply(asked, { type: "queued", seq: 1, ahead: 3, wait_ms: 12_000 });
    expect(queued.queue).toEqual({ ahead: 3, wait_ms: 12_000 });
    expect(apply(queued, started).queue).toBeNull();
  });

  it("waits no longer once the conversation has ended or is deleted", () => {
    const over = apply(apply(asked, started), { type: "ended" });
    expect([over.ended, over.waiting, over.draft]).toEqual([true, false, null]);
    const gone = apply(asked, { type: "deleted" });
    expect([gone.deleted, gone.waiting]).toEqual([true, false]);
  });
});
