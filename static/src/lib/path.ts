/** The tree that a conversation's versions make, and the path through it that is shown. */
import type { Turn } from "./shapes";

/** The turns from the first to `head`, along the parents. */
export function pathTo(turns: Turn[], head: number | null): Turn[] {
  const known = new Map(turns.map((turn) => [turn.seq, turn]));
  const path: Turn[] = [];
  let at = head === null ? undefined : known.get(head);
  while (at) {
    path.push(at);
    // A parent is older than its children: anything else would go round for ever.
    at = at.parent !== null && at.parent < at.seq ? known.get(at.parent) : undefined;
  }
  return path.reverse();
}

/** The versions of a turn, itself among them, oldest first. */
export function versions(turns: Turn[], of: Turn): Turn[] {
  return turns.filter((turn) => turn.parent === of.parent && turn.speaker === of.speaker);
}

/** The newest turn beneath `seq`, or itself: what the talk goes on from when this version is shown. */
export function newestBeneath(turns: Turn[], seq: number): number {
  const beneath = new Set([seq]);
  let newest = seq;
  // Children come after their parents in this order.
  for (const turn of turns) {
    if (turn.parent === null || !beneath.has(turn.parent)) continue;
    beneath.add(turn.seq);
    newest = turn.seq;
  }
  return newest;
}

/** Puts the turn at its place by `seq`; one that is known already is replaced, for what the server says is newer. */
export function insert(turns: Turn[], turn: Turn): Turn[] {
  return [...turns.filter((known) => known.seq !== turn.seq), turn].sort((a, b) => a.seq - b.seq);
}
