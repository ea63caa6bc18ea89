// One's own conversations: listed, saved in a file, deleted one by one or all at once, and nobody else's.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { missing, open } from "./kindred.mjs";
import {
  begin,
  button,
  exchange,
  focused,
  setting,
  shot,
  versionShown,
} from "./talk.mjs";

const NOT_YOURS = "may not read it, or it was deleted";
const UNKNOWN = "This server does not know this browser now";
const WORRY = "I just moved here. It is quiet in the evenings.";

describe("conversations", { skip: missing(), timeout: 1_200_000 }, () => {
  const here = setting();
  const rows = (page) => page.locator("[data-session]");
  const list = (page) => page.goto(`${here.server.url}/conversations`);

  it("lists what was talked about, the newest first", async () => {
    const { page } = here;
    await list(page);
    await page.getByText("There is no conversation yet.").waitFor();
    await begin(here, 0);
    await exchange(page, WORRY);
    await button(page, "Say it differently").click();
    await versionShown(page, "2/2");
    for (const index of [1, 2]) {
      await begin(here, index);
      await exchange(page, `Hello to number ${index}.`);
    }
    const newest = page.url();
    await page
      .getByRole("navigation")
      .getByRole("link", { name: "Your conversations" })
      .click();
    await rows(page).nth(2).waitFor();
    assert.equal(await rows(page).count(), 3);
    assert.match(await rows(page).first().innerText(), /2 turns · open/);
    assert.match(await rows(page).last().innerText(), /3 turns · open/);
    await rows(page).first().getByRole("link").click();
    await page.getByText("Hello to number 2.").waitFor();
    assert.equal(page.url(), newest);
  });

  it("saves everything in one file", async () => {
    const { page } = here;
    await list(page);
    await rows(page).first().waitFor();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Download everything" }).click(),
    ]);
    assert.equal(download.suggestedFilename(), "kindred-export.json");
    const saved = JSON.parse(readFileSync(await download.path(), "utf8"));
    assert.equal(saved.sessions.length, 3);
    // All versions, also those that are not shown.
    const first = saved.sessions.find((session) =>
      session.turns.some((turn) => turn.text === WORRY),
    );
    assert.equal(first.turns.length, 3);
    // It is a file, not a page.
    assert.equal(new URL(page.url()).pathname, "/conversations");
  });

  it("deletes one conversation from the list, in other tabs too", async () => {
    const { page, context, server } = here;
    const row = rows(page).first();
    const id = await row.getAttribute("data-session");
    const other = await context.newPage();
    await other.goto(`${server.url}/talk/${id}`);
    await other.locator("#message").fill("Not sent yet");
    await button(row, /^Delete the conversation with/).click();
    assert.equal(await focused(page), "Keep it");
    await button(row, "Keep it").click();
    assert.equal(await rows(page).count(), 3);
    await button(row, /^Delete the conversation with/).click();
    await shot(page, "delete-one");
    await button(row, "Yes, delete it").click();
    await page.getByText("The conversation is deleted.").waitFor();
    assert.equal(await rows(page).count(), 2);
    assert.equal(await focused(page), "Your conversations");
    await other.getByText("This conversation was deleted.").waitFor();
    // Words that nobody has yet are not taken from the screen.
    await other.getByText("Not sent yet").waitFor();
    await other.goto(`${server.url}/talk/${id}`);
    await other.getByText(NOT_YOURS).waitFor();
    await other.close();
  });

  it("deletes the conversation that is open", async () => {
    const { page } = here;
    const address = await begin(here, 5);
    await exchange(page, "Forget this.");
    await button(page, "Delete this conversation").click();
    assert.equal(await focused(page), "Keep it");
    await page.keyboard.press("Escape");
    assert.equal(await page.getByRole("alertdialog").count(), 0);
    await page.waitForFunction(
      () =>
        document.activeElement?.getAttribute("aria-label") ===
        "Delete this conversation",
    );
    await page.keyboard.press("Enter");
    await page.getByText(/erased from this server’s database/).waitFor();
    await shot(page, "delete-open");
    await button(page, "Yes, delete it").click();
    await page.getByText("This conversation was deleted.").waitFor();
    assert.equal(await page.locator("#message").count(), 0);
    await page.goto(address);
    await page.getByText(NOT_YOURS).waitFor();
  });

  it("keeps a conversation from another browser", async () => {
    const { page, browser } = here;
    const address = await begin(here, 6);
    await exchange(page, "This is mine.");
    const { page: stranger, context } = await open(browser);
    await stranger.goto(address);
    await stranger.getByText(UNKNOWN).waitFor();
    await list(stranger);
    await stranger.getByText("There is no conversation yet.").waitFor();
    // Whoever only looks around is given no cookie.
    assert.deepEqual(await context.cookies(), []);
    // Nor does somebody see it who has conversations of their own.
    await begin({ ...here, page: stranger }, 7);
    await stranger.goto(address);
    await stranger.getByText(NOT_YOURS).waitFor();
    assert.equal(await stranger.getByText("This is mine.").count(), 0);
    await list(stranger);
    await rows(stranger).first().waitFor();
    assert.equal(await rows(stranger).count(), 1);
    await context.close();
  });

  it("keeps its cookie on a server that does not know it, and claims no deletion", async () => {
    const { page, context } = here;
    const address = await begin(here, 8);
    await exchange(page, "Do not lose me.");
    const cookies = JSON.stringify(await context.cookies());
    const arrivals = [];
    const watch = (request) =>
      request.url().endsWith("/api/visitor") && arrivals.push(request.method());
    page.on("request", watch);
    // As if the server had been started with other data.
    const known = await context.cookies();
    const strange = "f".repeat(32);
    await context.addCookies(
      known.map((cookie) => ({ ...cookie, value: strange })),
    );
    await button(page, "Delete this conversation").click();
    await button(page, "Yes, delete it").click();
    await page.getByText("Nothing was deleted.").waitFor();
    await page.getByText(UNKNOWN).waitFor();
    await page.locator("#message").fill("Are you there?");
    await page.locator("#message").press("Enter");
    await page.getByText("Not sent.").waitFor();
    await shot(page, "unknown");
    await list(page);
    await page.getByText("There is no conversation yet.").waitFor();
    await page.locator("[data-state=unknown]").waitFor();
    await page.goto(address);
    await page.getByText(UNKNOWN).waitFor();
    assert.deepEqual(arrivals, []);
    // And put right again.
    await context.addCookies(known);
    assert.equal(JSON.stringify(await context.cookies()), cookies);
    await button(page, "Try again").click();
    await page.getByText("Do not lose me.").waitFor();
    await list(page);
    const rowsNow = rows(page).filter({ hasText: "2 turns" });
    await button(rowsNow.first(), /^Delete the conversation with/).click();
    await context.addCookies(
      known.map((cookie) => ({ ...cookie, value: strange })),
    );
    const shown = await rows(page).count();
    await button(page, "Yes, delete it").click();
    await page.getByText("Nothing was deleted.").waitFor();
    assert.equal(await rows(page).count(), shown);
    await button(page, "Delete everything").click();
    await button(page, "Yes, delete everything").click();
    await page.getByText("Nothing was deleted.").nth(1).waitFor();
    await context.addCookies(known);
    // Only the wish to delete everything went there.
    assert.deepEqual(arrivals, ["DELETE"]);
    page.off("request", watch);
    await page.goto(address);
    await page.getByText("Do not lose me.").waitFor();
  });

  for (const [width, height] of [
    [360, 740],
    [1280, 900],
  ])
    for (const colorScheme of ["light", "dark"])
      it(`fits ${width} px, ${colorScheme}`, async () => {
        const small = await here.context.newPage();
        await small.setViewportSize({ width, height });
        await small.emulateMedia({ colorScheme });
        const fits = async (view) => {
          const over = await small.evaluate(
            () => document.documentElement.scrollWidth - innerWidth,
          );
          assert.ok(over <= 0, `${view} is ${over} px wider than the screen`);
          await shot(small, `${view}-${width}-${colorScheme}`);
        };
        await list(small);
        await rows(small).first().waitFor();
        await fits("conversations");
        await button(rows(small).first(), /^Delete/).click();
        await fits("conversations-delete");
        await button(small, "Delete everything").click();
        await button(small, "Yes, delete everything").scrollIntoViewIfNeeded();
        await fits("conversations-delete-all");
        await rows(small).last().getByRole("link").click();
        await small.locator("[data-versions]").waitFor();
        await fits("versions");
        await button(small, "Edit").first().click();
        await fits("edit");
        await button(small, "Leave it").click();
        await button(small, "Delete this conversation").click();
        await fits("delete-open");
        await small.close();
      });

  it("deletes everything after asking, and says that it is gone", async () => {
    const { page, context } = here;
    const address = page.url();
    const other = await context.newPage();
    await other.goto(address);
    await other.locator("#message").waitFor();
    await list(page);
    await button(page, "Delete everything").click();
    await button(page, "Yes, delete everything").click();
    await page
      .getByRole("heading", { name: "Everything is deleted" })
      .waitFor();
    assert.equal(await focused(page), "Everything is deleted");
    await other.getByText("This conversation was deleted.").waitFor();
    await shot(page, "gone");
    const cookies = (await context.cookies()).map(({ name }) => name);
    assert.deepEqual(
      cookies.filter((name) => name.endsWith("kindred")),
      [],
    );
    await other.goto(address);
    await other.getByText(UNKNOWN).waitFor();
    await other.close();
    await page.reload();
    await page.getByText("There is no conversation yet.").waitFor();
  });

  it("gave the browser nothing to complain of", () => {
    // A conversation that is gone answers 404, which the browser notes.
    const ours = here.complaints.filter((text) => !/status of 404/.test(text));
    assert.deepEqual(ours, []);
  });
});
