import { describe, expect, it } from "vitest";
import type { Turn } from "./api";
import { apply, awaiting, begin } from "./turns";

const turn = (seq: number, speaker: Turn["speaker"], text: string): Turn => ({
  seq,
  speaker,
  text,
  end: "whole",
  created_ms: 0,
});

describe("a talk", () => {
  it("grows a draft word by word and replaces it by the stored turn", () => {
    let talk = begin([turn(0, "seeker", "Hello")], false);
    expect(awaiting(talk)).toBe(true);
    talk = apply(talk, { kind: "reply-started", memory: { aspect: "hobby", content: "You sail." } });
    talk = apply(talk, { kind: "text", text: "Good " });
    talk = apply(talk, { kind: "text", text: "evening." });
    expect(talk.draft).toEqual({ text: "Good evening.", memory: { aspect: "hobby", content: "You sail." } });
    talk = apply(talk, { kind: "turn", turn: turn(1, "supporter", "Good evening.") });
    expect(talk.draft).toBeNull();
    expect(talk.turns.map((each) => each.text)).toEqual(["Hello", "Good evening."]);
    expect(awaiting(talk)).toBe(false);
  });

  it("hears the same turn twice without showing it twice, and keeps the order", () => {
    let talk = begin([], false);
    talk = apply(talk, { kind: "turn", turn: turn(1, "supporter", "b") });
    talk = apply(talk, { kind: "turn", turn: turn(0, "seeker", "a") });
    talk = apply(talk, { kind: "turn", turn: turn(1, "supporter", "b") });
    expect(talk.turns.map((each) => each.seq)).toEqual([0, 1]);
  });

  it("tells a failure and waits no longer", () => {
    let talk = begin([turn(0, "seeker", "Hello")], false);
    talk = apply(talk, { kind: "reply-started", memory: null });
    talk = apply(talk, { kind: "problem", code: "model-busy", title: "Busy", detail: "" });
    expect(talk.draft).toBeNull();
    expect(talk.problem?.title).toBe("Busy");
    expect(awaiting(talk)).toBe(false);
    expect(apply(talk, { kind: "reply-started", memory: null }).problem).toBeNull();
  });

  it("leaves a growing draft alone when the person's own turn is stored", () => {
    let talk = begin([], false);
    talk = apply(talk, { kind: "text", text: "Well" });
    talk = apply(talk, { kind: "turn", turn: turn(0, "seeker", "wait") });
    expect(talk.draft?.text).toBe("Well");
  });
});
