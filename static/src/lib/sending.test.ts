import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LONGEST_WAIT_S, MOST_TRIES, PAUSES_MS, sleep, type Wait } from "./deliver";
import type { Unsent } from "./drafts";
import { offline, Problem } from "./problem";
import { Sender } from "./sender.svelte";
import { text } from "./text";
import { Visitor } from "./visitor";

const problem = (status: number, code: string, retryAfter?: number) =>
  new Problem({ status, code, title: code, retryAfter });
const full = (retryAfter?: number) => new Problem({ status: 503, code: "busy", title: "full", retryAfter, ahead: 4 });

/** A server that fails in these ways, then answers; it remembers the keys. */
function server(...failures: unknown[]) {
  const keys: string[] = [];
  const post = (_: string, { key }: { key: string }) => {
    keys.push(key);
    return failures.length > 0 ? Promise.reject(failures.shift() as Error) : Promise.resolve();
  };
  return { keys, post };
}

/** Pauses that take no time; it remembers how long they would have been. */
function clock() {
  const pauses: number[] = [];
  return { pauses, pause: (ms: number) => Promise.resolve(void pauses.push(ms)) };
}

describe("sending", () => {
  it("asks for a lost answer again with the same key", async () => {
    const { keys, post } = server(offline(), new Problem({ status: 502, code: "http", title: "bad gateway" }));
    const { pauses, pause } = clock();
    const sender = new Sender(post, pause);
    expect(await sender.send("Hello")).toBe(true);
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
    expect(pauses).toEqual(PAUSES_MS.slice(0, 2));
    expect(sender.problem).toBeNull();
  });

  it("gives up after three more tries, and tries the same words with the same key when asked to", async () => {
    const { keys, post } = server(...Array.from({ length: 4 }, offline));
    const sender = new Sender(post, clock().pause);
    expect(await sender.send("Hello")).toBe(false);
    expect(keys).toHaveLength(4);
    expect(sender.problem?.code).toBe("offline");
    expect(await sender.send("Hello")).toBe(true);
    expect(new Set(keys).size).toBe(1);
    // What is said next, even the same words, is something new.
    expect(await sender.send("Hello")).toBe(true);
    expect(new Set(keys).size).toBe(2);
  });

  it("gives other words a key of their own", async () => {
    const { keys, post } = server(new Problem({ status: 400, code: "empty", title: "no" }));
    const sender = new Sender(post, clock().pause);
    expect(await sender.send("Hello")).toBe(false);
    expect(await sender.send("Hello!")).toBe(true);
    expect(new Set(keys).size).toBe(2);
  });

  it("waits as long as a full server says, however often, and says so", async () => {
    const { keys, post } = server(full(5), full(7), full(5), full(5), full(5));
    const { pauses, pause } = clock();
    const waits: (Wait | null)[] = [];
    const sender = new Sender(post, async (ms: number) => {
      waits.push(sender.wait);
      await pause(ms);
    });
    expect(await sender.send("Hello")).toBe(true);
    expect(new Set(keys).size).toBe(1);
    expect(pauses).toHaveLength(5);
    expect(pauses[1]).toBeGreaterThanOrEqual(7000);
    expect(pauses[1]).toBeLessThan(8000);
    expect(waits[0]).toMatchObject({ why: "busy", ahead: 4 });
    expect(sender.wait).toBeNull();
  });

  it("says for what it waits", async () => {
    const codes = ["busy", "too-many-requests", "starting", "draining", "interrupted", "model-restarting"];
    // A proxy's own refusal has no code of the server's.
    const { post } = server(...[...codes, "http"].map((code) => problem(503, code, 2)));
    const told: string[] = [];
    const sender = new Sender(post, () => Promise.resolve(void told.push(sender.wait?.why ?? "")));
    expect(await sender.send("Hello")).toBe(true);
    expect(told).toEqual([...codes, "later"]);
    const words = told.map((why) => text.wait[why as Wait["why"]](2));
    expect(new Set(words).size).toBe(words.length);
  });

  it("does not try by itself what needs somebody's hand", async () => {
    for (const refusal of [problem(503, "read-only", 30), problem(507, "disk-full"), problem(409, "session-full")]) {
      const { keys, post } = server(refusal);
      const sender = new Sender(post, clock().pause);
      expect(await sender.send("Hello")).toBe(false);
      expect(keys).toHaveLength(1);
      expect(sender.problem).toBe(refusal);
    }
  });

  it("asks whoever sits there after many tries", async () => {
    const { keys, post } = server(...Array.from({ length: MOST_TRIES + 1 }, () => full(1)));
    const sender = new Sender(post, clock().pause);
    expect(await sender.send("Hello")).toBe(false);
    expect(keys).toHaveLength(MOST_TRIES);
    expect([sender.problem?.code, sender.wait]).toEqual(["busy", null]);
    expect(await sender.send("Hello")).toBe(true);
    expect(new Set(keys).size).toBe(1);
  });

  it("does not wait for what has no time, or too long a one", async () => {
    for (const problem of [full(), full(LONGEST_WAIT_S + 1)]) {
      const { keys, post } = server(problem);
      const sender = new Sender(post, clock().pause);
      expect(await sender.send("Hello")).toBe(false);
      expect(keys).toHaveLength(1);
      expect(sender.problem).toBe(problem);
    }
  });

  it("takes a new key when the old one is refused", async () => {
    const { keys, post } = server(new Problem({ status: 422, code: "key-reused", title: "no" }));
    const sender = new Sender(post, clock().pause);
    expect(await sender.send("Hello")).toBe(false);
    expect(await sender.send("Hello")).toBe(true);
    expect(new Set(keys).size).toBe(2);
  });

  it("keeps the key where a reload finds it", async () => {
    let kept: Unsent | undefined;
    const changed = (unsent: Unsent | undefined) => (kept = unsent);
    const before = server(...Array.from({ length: 4 }, offline));
    await new Sender(before.post, clock().pause, { first: undefined, changed }).send("Hello");
    const after = server();
    await new Sender(after.post, clock().pause, { first: kept, changed }).send("Hello");
    expect(after.keys).toEqual([before.keys[0]]);
    expect(kept).toBeUndefined();
  });

  describe("with a clock", () => {
    beforeEach(() => void vi.useFakeTimers());
    afterEach(() => void vi.useRealTimers());

    it("can be called off while it waits, and keeps the key unless it is given up", async () => {
      const { keys, post } = server(full(30));
      const sender = new Sender(post, sleep);
      const sending = sender.send("Hello");
      await vi.advanceTimersByTimeAsync(1000);
      expect(sender.wait?.why).toBe("busy");
      expect(await sender.send("Hello")).toBe(false);
      sender.cancel();
      expect(await sending).toBe(false);
      expect(sender.problem).toBeNull();
      expect(sender.sending).toBe(false);
      expect(vi.getTimerCount()).toBe(0);
      expect(await sender.send("Hello")).toBe(true);
      expect(new Set(keys).size).toBe(1);
    });

    it("takes the same words for something new once they were not to be sent", async () => {
      const { keys, post } = server(full(30));
      let kept: Unsent | undefined;
      const sender = new Sender(post, sleep, { changed: (unsent) => (kept = unsent) });
      const sending = sender.send("Hello");
      await vi.advanceTimersByTimeAsync(1000);
      expect(kept?.key).toBe(keys[0]);
      sender.giveUp();
      expect(await sending).toBe(false);
      expect(kept).toBeUndefined();
      expect(await sender.send("Hello")).toBe(true);
      expect(new Set(keys).size).toBe(2);
    });

    it("waits no longer once it hears that its words have arrived", async () => {
      const { keys, post } = server(offline());
      const sender = new Sender(post, sleep, { newest: () => 4 });
      const sending = sender.send("Hello");
      await vi.advanceTimersByTimeAsync(1);
      expect(sender.wait?.why).toBe("lost");
      // Other words, and the same ones said before.
      expect([sender.arrived("Hello!", 5), sender.arrived("Hello", 4)]).toEqual([false, false]);
      expect(sender.arrived("Hello", 5)).toBe(true);
      expect(await sending).toBe(true);
      expect(keys).toHaveLength(1);
      expect(await sender.send("Hello")).toBe(true);
      expect(new Set(keys).size).toBe(2);
    });

    it("does not take another tab's words for those that the server refused", async () => {
      const { keys, post } = server(full(5));
      const sender = new Sender(post, sleep);
      const sending = sender.send("Hello");
      await vi.advanceTimersByTimeAsync(1);
      expect(sender.arrived("Hello", 5)).toBe(false);
      await vi.advanceTimersByTimeAsync(6000);
      expect(await sending).toBe(true);
      expect(keys).toHaveLength(2);
    });
  });

  it("has arrived when it is heard before its answer is lost", async () => {
    const sender: Sender<string> = new Sender(() => {
      sender.arrived("Hello", 0);
      return Promise.reject(offline());
    }, clock().pause);
    expect(await sender.send("Hello")).toBe(true);
    expect(sender.problem).toBeNull();
  });
});

describe("a visitor", () => {
  const stranger = () => new Problem({ status: 401, code: "no-visitor", title: "who?" });

  it("arrives once for all calls that need it, and repeats them", async () => {
    let known = false;
    let arrivals = 0;
    const visitor = new Visitor(async () => {
      arrivals += 1;
      await Promise.resolve();
      known = true;
    });
    const call = () => (known ? Promise.resolve("yes") : Promise.reject(stranger()));
    expect(await Promise.all([visitor.known(call), visitor.known(call), visitor.known(call)])).toEqual([
      "yes",
      "yes",
      "yes",
    ]);
    expect(arrivals).toBe(1);
  });

  it("repeats a call once only, and leaves other failures alone", async () => {
    let arrivals = 0;
    const visitor = new Visitor(() => Promise.resolve((arrivals += 1)));
    await expect(visitor.known(() => Promise.reject(stranger()))).rejects.toMatchObject({ code: "no-visitor" });
    expect(arrivals).toBe(1);
    await expect(visitor.known(() => Promise.reject(full()))).rejects.toMatchObject({ code: "busy" });
    expect(arrivals).toBe(1);
  });

  it("tries to arrive anew after it could not", async () => {
    let known = false;
    const visitor = new Visitor(() => {
      if (known) return Promise.resolve();
      known = true;
      return Promise.reject(offline());
    });
    await expect(visitor.known(() => Promise.reject(stranger()))).rejects.toMatchObject({ code: "offline" });
    const answers = [stranger()];
    const call = () => (answers.length > 0 ? Promise.reject(answers.shift() as Error) : Promise.resolve("yes"));
    expect(await visitor.known(call)).toBe("yes");
  });
});
