import { expect, it } from "vitest";
import { spans } from "./phones";

const found = (text: string) => spans(text).filter((span) => span.kind !== "text");

it("finds numbers to call and addresses to open, and loses no letter", () => {
  const card =
    "Call 988 (US), 116 123 in the UK, +86 10 8295 1332, or 1-800-799-7233, 13 11 14, or see https://findahelpline.com, findahelpline.com. Open 24 hours.";
  expect(found(card).map((span) => span.href)).toEqual([
    "tel:988",
    "tel:116123",
    "tel:+861082951332",
    "tel:18007997233",
    "tel:131114",
    "https://findahelpline.com",
    "https://findahelpline.com",
  ]);
  expect(
    spans(card)
      .map((span) => span.text)
      .join(""),
  ).toBe(card);
});

it("takes no digits of a name for a number", () => {
  expect(found("1800RESPECT 1800 737 732, day and night").map((span) => span.href)).toEqual(["tel:1800737732"]);
});

it("takes no hours or small numbers for telephones", () => {
  expect(found("Open 9-17, 24/7, 2 people, 24 hours")).toEqual([]);
});
