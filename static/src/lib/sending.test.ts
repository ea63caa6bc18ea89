import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LONGEST_WAIT_S, PAUSES_MS, sleep, type Wait } from "./deliver";
import type { Unsent } from "./drafts";
import { offline, Problem } from "./problem";
import { Sender } from "./sender.svelte";
import { Visitor } from "./visitor";

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

  it("tells a model that starts again from a full server", async () => {
    const { post } = server(new Problem({ status: 503, code: "model-restarting", title: "wait", retryAfter: 2 }));
    let why: string | undefined;
    const sender = new Sender(post, () => Promise.resolve(void (why = sender.wait?.why)));
    expect(await sender.send("Hello")).toBe(true);
    expect(why).toBe("restarting");
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

    it("can be called off while it waits, and keeps the key", async () => {
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
