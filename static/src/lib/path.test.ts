import { expect, it } from "vitest";
import { insert, newestBeneath, pathTo, versions } from "./path";
import type { Turn } from "./shapes";

const turn = (seq: number, parent: number | null, speaker: Turn["speaker"]): Turn => ({
  seq,
  parent,
  speaker,
  text: `${seq}`,
  end: "whole",
  created_ms: 0,
});

// 0 ─ 1 ─ 2 ─ 4      Two replies to 0, and the first message again as 5.
//   └ 3
// 5 ─ 6
const tree = [
  turn(0, null, "seeker"),
  turn(1, 0, "supporter"),
  turn(2, 1, "seeker"),
  turn(3, 0, "supporter"),
  turn(4, 2, "supporter"),
  turn(5, null, "seeker"),
  turn(6, 5, "supporter"),
];
const seqs = (turns: Turn[]) => turns.map((each) => each.seq);
const at = (seq: number) => tree[seq] as Turn;

it("walks from a head up to the first turn", () => {
  expect(seqs(pathTo(tree, 4))).toEqual([0, 1, 2, 4]);
  expect(seqs(pathTo(tree, 3))).toEqual([0, 3]);
  expect(seqs(pathTo(tree, 6))).toEqual([5, 6]);
  expect(pathTo(tree, null)).toEqual([]);
  expect(pathTo(tree, 99)).toEqual([]);
});

it("never walks in circles", () => {
  expect(seqs(pathTo([turn(0, 1, "seeker"), turn(1, 0, "supporter")], 1))).toEqual([0, 1]);
});

it("finds the versions of a turn: same parent, same speaker", () => {
  expect(seqs(versions(tree, at(3)))).toEqual([1, 3]);
  expect(seqs(versions(tree, at(0)))).toEqual([0, 5]);
  expect(seqs(versions(tree, at(2)))).toEqual([2]);
  // A message under an unanswered message is no version of a reply to it.
  const beside = [...tree, turn(7, 0, "seeker")];
  expect(seqs(versions(beside, at(1)))).toEqual([1, 3]);
});

it("goes on from the newest turn beneath a version", () => {
  expect(newestBeneath(tree, 0)).toBe(4);
  expect(newestBeneath(tree, 3)).toBe(3);
  expect(newestBeneath(tree, 5)).toBe(6);
});

it("puts a turn at its place, and takes what the server says of a known one", () => {
  expect(seqs(insert([at(0), at(2)], at(1)))).toEqual([0, 1, 2]);
  const moved = { ...at(2), parent: 0 };
  expect(insert([at(0), at(2)], moved)).toEqual([at(0), moved]);
});
