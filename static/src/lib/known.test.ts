import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { api } from "./api";
import { Conversation } from "./conversation.svelte";
import { NO_SESSION, NO_VISITOR, session, standIn, Streams, turn, type Answer } from "./doubles";
import { notThere, offline, Problem, undeleted } from "./problem";
import { EventStream, type Link } from "./stream";
import { text } from "./text";

beforeEach(() => {
  vi.useFakeTimers();
  Streams.standIn();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const sending = { key: "k" };

it("never replaces the cookie that leads to somebody's conversations, but to open a new one", async () => {
  let known = false;
  const asked = standIn((what) => {
    if (what === "POST /api/visitor") known = true;
    return what === "POST /api/visitor" || known ? [201, session([])] : NO_VISITOR;
  });
  const calls = [
    () => api.forget(),
    () => api.sessions(20, null),
    () => api.session("a"),
    () => api.remove("a"),
    () => api.say("a", { text: "Hello" }, sending),
    () => api.regenerate("a", null, sending),
    () => api.show("a", 1),
    () => api.stop("a"),
    () => api.end("a"),
  ];
  for (const call of calls)
    await expect(call()).rejects.toMatchObject({ code: "no-visitor", title: text.codes["no-visitor"]?.title });
  expect(asked).toHaveLength(calls.length);
  expect((await api.open(0, "", sending)).id).toBe("a");
  expect(asked.slice(calls.length)).toEqual(["POST /api/sessions", "POST /api/visitor", "POST /api/sessions"]);
});

/** A conversation that is open, on a server that then answers otherwise. */
async function opened() {
  const server = { answer: [200, session([turn(0, null, "seeker"), turn(1, 0, "supporter")])] as Answer };
  const asked = standIn(() => server.answer);
  const conversation = new Conversation("a");
  await vi.advanceTimersByTimeAsync(0);
  return { server, asked, conversation };
}

it("says that nothing was deleted where the browser is not known", async () => {
  const { server, asked, conversation } = await opened();
  server.answer = NO_VISITOR;
  await conversation.remove();
  expect(conversation.talk.deleted).toBe(false);
  expect(conversation.undone).toMatchObject({ lead: text.yours.kept, problem: { code: "no-visitor" } });
  expect(asked.slice(1)).toEqual(["DELETE /api/sessions/a"]);
  conversation.close();
});

it("does not claim to have deleted what was not there", async () => {
  const { server, conversation } = await opened();
  // A proxy's own page says nothing of conversations.
  server.answer = [404];
  await conversation.remove();
  expect([conversation.talk.deleted, conversation.loading]).toEqual([false, null]);
  server.answer = NO_SESSION;
  await conversation.remove();
  expect(conversation.talk.deleted).toBe(false);
  expect(conversation.loading).toMatchObject({ detail: text.chat.unreadable });
});

it("says that it is deleted once it is", async () => {
  const { server, conversation } = await opened();
  server.answer = [204];
  await conversation.remove();
  expect(conversation.talk.deleted).toBe(true);
});

it("does not know what became of a deletion whose answer was lost", () => {
  expect(undeleted(offline())).toBe(text.chat.undone);
  expect(undeleted(new Problem({ status: 502, code: "http", title: "" }))).toBe(text.chat.undone);
  expect(undeleted(new Problem({ status: 503, code: "starting", title: "" }))).toBe(text.yours.kept);
  expect(notThere(new Problem({ status: 404, code: "http", title: "" }))).toBe(false);
});

it("asks a server that does not know this browser seldom, and listens again once it does", async () => {
  let answer: Answer = NO_VISITOR;
  const asked = standIn(() => answer);
  const links: Link[] = [];
  const others = () => links.filter((link) => link !== "unknown");
  const stream = new EventStream("a", "7", { event: () => undefined, link: (link) => links.push(link), gone: vi.fn() });
  for (let tries = 0; tries < 3; tries++) {
    Streams.last.refuse();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(Streams.opened).toHaveLength(tries + 1);
    expect(links.at(-1)).toBe("unknown");
    await vi.advanceTimersByTimeAsync(20_000);
    expect(Streams.opened).toHaveLength(tries + 2);
  }
  // It is said once, not anew with every try.
  expect(others()).toEqual(["lost"]);
  expect(asked).toEqual(Array(3).fill("GET /api/sessions/a"));
  answer = [200, session([])];
  Streams.last.onopen?.();
  expect(links.at(-1)).toBe("open");
  stream.close();
});
