import { expect, it, vi } from "vitest";
import { pattern } from "./avatar";
import { characters } from "./count";
import { standIn } from "./doubles";
import { composing } from "./keys";
import { finder } from "./finder.svelte";
import { limits } from "./limits.svelte";
import { parse } from "./router.svelte";

it("draws the same avatar for the same character and others for others", () => {
  expect(pattern(7)).toEqual(pattern(7));
  const drawn = new Set(Array.from({ length: 1024 }, (_, index) => JSON.stringify(pattern(index))));
  expect(drawn.size).toBeGreaterThan(1000);
});

it("reads addresses", () => {
  expect(parse("/")).toEqual({ view: "describe" });
  expect(parse("/talk/abc")).toEqual({ view: "chat", id: "abc" });
  expect(parse("/characters/12/")).toEqual({ view: "character", index: 12 });
  expect(parse("/conversations")).toEqual({ view: "conversations" });
  expect(parse("/conversations/1")).toEqual({ view: "missing" });
  expect(parse("/characters/x")).toEqual({ view: "missing" });
});

it("counts characters as the server does", () => {
  expect(characters("  Grüße 🙂\n")).toBe(7);
  expect(characters("👍🏽")).toBe(2);
  expect(characters(" ")).toBe(0);
});

it("takes the length of a message from the server, and lets the server judge until it knows", async () => {
  expect(limits.beyond("🙂🙂🙂🙂")).toBeNull();
  standIn(() => [503]);
  await limits.load();
  expect(limits.beyond("🙂🙂🙂🙂")).toBeNull();
  const asked = standIn(() => [200, { limits: { message_chars: 3 } }]);
  await limits.load();
  vi.unstubAllGlobals();
  expect(asked).toEqual(["GET /api/about"]);
  expect(limits.beyond("🙂🙂🙂 ")).toBeNull();
  expect(limits.beyond("🙂🙂🙂🙂")).toEqual({ length: 4, most: 3 });
});

it("leaves an input method its keys", () => {
  expect(composing({ isComposing: true, keyCode: 13 })).toBe(true);
  // Safari: the composition is over, yet this Enter ended it.
  expect(composing({ isComposing: false, keyCode: 229 })).toBe(true);
  expect(composing({ isComposing: false, keyCode: 13 })).toBe(false);
});

it("tells of help whoever writes of danger, also where nobody can be found now", async () => {
  standIn(() => [429, { code: "too-many-requests", title: "Too many", help: "Call somebody." }]);
  finder.about = "I want to die.";
  await finder.find();
  expect([finder.matches, finder.help, finder.problem?.code]).toEqual([null, "Call somebody.", "too-many-requests"]);
  standIn(() => [200, { help: null, matches: [] }]);
  await finder.find();
  vi.unstubAllGlobals();
  expect([finder.matches, finder.help, finder.problem]).toEqual([[], null, null]);
  finder.forget();
});
