// Other versions of what was said: asked for, written, chosen, seen in another tab, and there after a reload.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { missing } from "./kindred.mjs";
import {
  begin,
  button,
  exchange,
  focused,
  quiet,
  replies,
  seeker,
  send,
  setting,
  shot,
  stored,
  versionShown,
} from "./talk.mjs";

describe("versions", { skip: missing(), timeout: 1_200_000 }, () => {
  const here = setting();

  const supporter = (page) => page.locator("[data-turn=supporter]");
  const numbers = (turn) => turn.locator("[data-versions]").innerText();
  async function count(locator, number) {
    await locator.nth(number - 1).waitFor();
    assert.equal(await locator.count(), number);
  }

  it("says a reply differently, and goes back to the first", async () => {
    const { page } = here;
    await begin(here);
    await exchange(page, "I just moved here. It is quiet in the evenings.");
    const reply = supporter(page).first();
    const words = reply.locator(".bubble > .words");
    const first = await words.innerText();
    assert.equal(await reply.locator("[data-versions]").count(), 0);
    await button(page, "Say it differently").last().click();
    await versionShown(page, "2/2");
    await shot(page, "versions");
    await button(page, "Show the version before").focus();
    await page.keyboard.press("Enter");
    await versionShown(page, "1/2");
    assert.equal(await words.innerText(), first);
    // Whoever uses the keyboard stays where they were, also at the end of the way.
    assert.equal(await focused(page), "Show the version before");
    await page.keyboard.press("Enter");
    assert.equal(await numbers(reply), "1/2");
    await page.reload();
    await versionShown(page, "1/2");
    assert.equal(await words.innerText(), first);
    assert.equal((await stored(page)).turns.length, 3);
  });

  it("shows in another tab which version was chosen in this one", async () => {
    const { page, context } = here;
    const other = await context.newPage();
    await other.goto(page.url());
    await versionShown(other, "1/2");
    await button(page, "Show the next version").click();
    await versionShown(other, "2/2");
    await exchange(other, "And the mornings are loud.");
    await page.getByText("And the mornings are loud.").waitFor();
    await count(replies(page), 2);
    await other.close();
  });

  it("lets a message be changed, and keeps what was said before", async () => {
    const { page } = here;
    const message = seeker(page).first();
    await message.hover();
    await button(message, "Edit").click();
    assert.equal(await focused(page), "edited");
    await page.keyboard.press("Escape");
    await page.locator("#edited").waitFor({ state: "detached" });
    assert.equal(await focused(page), "Edit");
    await page.keyboard.press("Enter");
    await page.locator("#edited").fill("I moved here a year ago.");
    await shot(page, "edit");
    await page.locator("#edited").press("Enter");
    await page.getByText("I moved here a year ago.").waitFor();
    await replies(page).first().waitFor();
    await quiet(page);
    assert.equal(await focused(page), "message");
    await count(seeker(page), 1);
    assert.equal(await numbers(message), "2/2");
    await button(message, "Show the version before").click();
    await page.getByText("And the mornings are loud.").waitFor();
    await count(seeker(page), 2);
    assert.equal(await numbers(message), "1/2");
  });

  it("ends with the whole reply after a reload in its middle", async () => {
    const { page } = here;
    const before = await replies(page).count();
    await send(page, "Tell me something long about your days.");
    await page.getByText("Tell me something long").waitFor();
    await page.reload();
    await replies(page).nth(before).waitFor();
    const { turns, head } = await stored(page);
    const last = turns.find((turn) => turn.seq === head);
    assert.equal(last.speaker, "supporter");
    const words = supporter(page).locator(".bubble > .words").last();
    assert.equal((await words.innerText()).trim(), last.text.trim());
  });

  it("shows every version of a conversation that has ended", async () => {
    const { page } = here;
    await button(page, "End conversation").click();
    await button(page, "Yes, end it").click();
    await page.getByText("This conversation has ended.").waitFor();
    const message = seeker(page).first();
    await button(message, "Show the next version").click();
    await message.getByText("I moved here a year ago.").waitFor();
    assert.equal(await button(page, "Edit").count(), 0);
    assert.equal(await button(page, "Say it differently").count(), 0);
  });

  it("gave the browser nothing to complain of", () => {
    assert.deepEqual(here.complaints, []);
  });
});
