import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Conversation } from "./conversation.svelte";
import { session, standIn, Streams, turn, type Answer } from "./doubles";
import { readDraft } from "./drafts";

const hello = turn(0, null, "seeker", "Hello");
const reply = turn(1, 0, "supporter", "Good evening.");
const asked = turn(2, 1, "seeker", "And you?");

let server: { session: Answer; said: Answer; stop: Answer };
let sent: { key: string | null; text: string }[];

beforeEach(() => {
  vi.useFakeTimers();
  Streams.standIn();
  const kept = new Map<string, string>();
  vi.stubGlobal("sessionStorage", {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => kept.set(name, value),
    removeItem: (name: string) => kept.delete(name),
  });
  server = { session: [200, session([hello, reply])], said: "lost", stop: [200, { turn: null }] };
  sent = [];
  standIn((what, body, key) => {
    if (what.endsWith("/stop")) return server.stop;
    if (!what.endsWith("/messages")) return server.session;
    sent.push({ key, text: (body as { text: string }).text });
    return server.said;
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function opened(): Promise<Conversation> {
  const conversation = new Conversation("a");
  await vi.advanceTimersByTimeAsync(0);
  return conversation;
}

/** Sends words whose answer never comes, until nothing is tried any more. */
async function unsent(conversation: Conversation) {
  conversation.draft = asked.text;
  const sending = conversation.sender.send(asked.text);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await sending).toBe(false);
}

const keys = () => new Set(sent.map(({ key }) => key)).size;

it("empties the box when it hears that its words have arrived after all", async () => {
  const conversation = await opened();
  await unsent(conversation);
  expect(keys()).toBe(1);
  Streams.last.tell({ type: "said", turn: asked });
  expect([conversation.draft, conversation.sender.problem]).toEqual(["", null]);
  expect(readDraft("a")).toEqual({ words: "" });
  // The same words are then said anew, and are not swallowed.
  server.said = [202, { seq: 3 }];
  expect(await conversation.sender.send(asked.text)).toBe(true);
  expect(keys()).toBe(2);
  conversation.close();
});

it("finds after a reload that its words have arrived", async () => {
  const before = await opened();
  await unsent(before);
  before.close();
  server.session = [200, session([hello, reply, asked])];
  const after = await opened();
  expect([after.draft, readDraft("a")]).toEqual(["", { words: "" }]);
  after.close();
});

it("keeps words and key over a reload while they have not arrived", async () => {
  const before = await opened();
  await unsent(before);
  before.close();
  const after = await opened();
  expect(after.draft).toBe(asked.text);
  server.said = [202, { seq: 2 }];
  expect(await after.sender.send(asked.text)).toBe(true);
  expect(keys()).toBe(1);
  after.close();
});

it("forgets the key with the words when the box is emptied", async () => {
  const conversation = await opened();
  await unsent(conversation);
  conversation.draft = "";
  expect(readDraft("a")).toEqual({ words: "" });
  conversation.draft = asked.text;
  server.said = [202, { seq: 2 }];
  expect(await conversation.sender.send(asked.text)).toBe(true);
  expect(keys()).toBe(2);
  conversation.close();
});

it("waits no longer for a reply that nobody makes", async () => {
  server.session = [200, session([hello], { replying: true })];
  const conversation = await opened();
  Streams.last.tell({ type: "reply_started", seq: 1, parent: 0, memory: null });
  // It goes on, as the server says.
  await conversation.stop();
  expect(conversation.talk.waiting).toBe(true);
  server.session = [200, session([hello, reply])];
  await conversation.stop();
  expect([conversation.talk.waiting, conversation.talk.draft]).toEqual([false, null]);
  expect(conversation.talk.turns).toEqual([hello, reply]);
  expect(conversation.stopping).toBe(false);
  conversation.close();
});
