import { expect, it } from "vitest";
import { pattern } from "./avatar";
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
