import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { NO_SESSION, session, standIn, Streams, type Answer, type Page } from "./doubles";
import { whileHidden } from "./hidden";
import { EventStream, type Listener } from "./stream";

let page: Page;
let listener: Listener;

beforeEach(() => {
  vi.useFakeTimers();
  page = Streams.standIn();
  listener = { event: vi.fn(), link: vi.fn(), gone: vi.fn() };
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const open = () => Streams.opened.filter((each) => each.readyState !== Streams.CLOSED).length;

it("gives the line back when nobody looks for a while, and goes on after the last word heard", () => {
  const stream = new EventStream("a", "7", listener);
  Streams.last.tell({ type: "head", seq: 0 }, "12");
  page.see(false);
  vi.advanceTimersByTime(29_000);
  expect(open()).toBe(1);
  // A short look elsewhere costs nothing.
  page.see(true);
  vi.advanceTimersByTime(60_000);
  expect(Streams.opened).toHaveLength(1);
  page.see(false);
  vi.advanceTimersByTime(31_000);
  expect(open()).toBe(0);
  page.see(true);
  expect([open(), Streams.opened.length]).toEqual([1, 2]);
  expect(Streams.last.url).toContain("after=12");
  stream.close();
  page.see(false);
  vi.advanceTimersByTime(31_000);
  page.see(true);
  expect([open(), Streams.opened.length]).toEqual([0, 2]);
});

it("does not try for a line while nobody looks", async () => {
  let answer: Answer = [503, { code: "starting" }];
  const asked = standIn(() => answer);
  const stream = new EventStream("a", "7", listener);
  page.see(false);
  await vi.advanceTimersByTimeAsync(29_999);
  Streams.last.refuse();
  // While the question whether the session still is is on its way.
  vi.advanceTimersByTime(1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect([asked.length, Streams.opened.length]).toEqual([1, 1]);
  page.see(true);
  expect(open()).toBe(1);
  answer = [200, session([])];
  Streams.last.refuse();
  await vi.advanceTimersByTimeAsync(1000);
  expect(open()).toBe(1);
  stream.close();
});

it("tells once that there is no such session, and rests then", async () => {
  standIn(() => NO_SESSION);
  new EventStream("a", "7", listener);
  Streams.last.refuse();
  await vi.advanceTimersByTimeAsync(60_000);
  page.see(false);
  await vi.advanceTimersByTimeAsync(60_000);
  page.see(true);
  expect(listener.gone).toHaveBeenCalledTimes(1);
  expect(Streams.opened).toHaveLength(1);
});

it("counts the time of a page that was never seen, too", () => {
  page.hidden = true;
  const [away, back] = [vi.fn(), vi.fn()];
  const end = whileHidden(1000, away, back);
  vi.advanceTimersByTime(1000);
  expect([away.mock.calls.length, back.mock.calls.length]).toEqual([1, 0]);
  page.see(true);
  page.see(true);
  expect([away.mock.calls.length, back.mock.calls.length]).toEqual([1, 1]);
  end();
});
