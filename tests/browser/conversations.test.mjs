// One's own conversations: other versions, other tabs, messages that arrive once whatever happens, and their end.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { launch, missing, open, serve } from "./kindred.mjs";

const shots =
  process.env.SCREENSHOTS ?? mkdtempSync(join(tmpdir(), "kindred-shots-"));
const skip = missing();

describe("conversations", { skip, timeout: 1_200_000 }, () => {
  let server, browser, page, complaints, context;

  before(async () => {
    server = await serve();
    browser = await launch();
    ({ page, complaints, context } = await open(browser, {
      viewport: { width: 1280, height: 900 },
      acceptDownloads: true,
    }));
    console.log(`screenshots: ${shots}`);
  });

  after(async () => {
    await browser?.close();
    await server?.stop();
    server?.forget();
  });

  const shot = (name, of = page) =>
    of.screenshot({ path: join(shots, `${name}.png`) });
  const turns = (who, of = page) => of.locator(`[data-turn=${who}]`);
  /** Everything that a reply can become. */
  const replies = (of = page) =>
    of.locator(
      "[data-turn=supporter], [data-turn=silenced], [data-turn=help], [data-turn=failed]",
    );
  const button = (name, of = page) => of.getByRole("button", { name });
  const focused = (of = page) =>
    of.evaluate(
      () =>
        document.activeElement?.getAttribute("aria-label") ??
        document.activeElement?.id,
    );
  const count = (locator, number) =>
    assert.doesNotReject(async () => {
      await locator.nth(number - 1).waitFor();
      assert.equal(await locator.count(), number);
    });

  /** Opens a conversation with nothing said in it. */
  async function begin(index = 0, of = page) {
    await of.goto(`${server.url}/characters/${index}`);
    await button(/^Talk with/, of).click();
    await of.locator("#message").waitFor();
    return of.url();
  }

  async function send(words, of = page) {
    await of.locator("#message").fill(words);
    await of.locator("#message").press("Enter");
  }

  /** Says something and waits for the whole reply. */
  async function exchange(words, of = page) {
    const before = await replies(of).count();
    await send(words, of);
    await replies(of).nth(before).waitFor();
    await of.locator("[data-turn=draft], .thinking").waitFor({
      state: "hidden",
    });
  }

  /** The versions' numbers under this turn. */
  const version = (turn) => turn.locator("[data-versions]").innerText();
  const at = (of, number) =>
    of.waitForFunction(
      (number) =>
        [...document.querySelectorAll("[data-versions]")].some(
          (each) => each.textContent === number,
        ),
      number,
    );

  /** What the server has of this conversation. */
  const stored = (of = page) =>
    of.evaluate(async () => {
      const answer = await fetch(
        `/api/sessions/${location.pathname.split("/")[2]}`,
      );
      return answer.json();
    });
  const storedTexts = async (of = page) =>
    (await stored(of)).turns
      .filter((turn) => turn.speaker === "seeker")
      .map((turn) => turn.text);

  it("says a reply differently, and goes back to the first", async () => {
    await begin();
    await exchange("I just moved here. It is quiet in the evenings.");
    const reply = turns("supporter").first();
    const first = await reply.locator(".words").first().innerText();
    assert.equal(await reply.locator("[data-versions]").count(), 0);
    await button("Say it differently").last().click();
    await at(page, "2/2");
    await shot("versions");
    const earlier = button("Show the version before");
    await earlier.focus();
    await page.keyboard.press("Enter");
    await at(page, "1/2");
    assert.equal(await reply.locator(".words").first().innerText(), first);
    // Whoever uses the keyboard stays where they were.
    assert.equal(await focused(), "Show the version before");
    await page.keyboard.press("Enter");
    assert.equal(await version(reply), "1/2");
    await page.reload();
    await at(page, "1/2");
    assert.equal(await reply.locator(".words").first().innerText(), first);
    assert.equal((await stored()).turns.length, 3);
  });

  it("shows in another tab which version was chosen in this one", async () => {
    const other = await context.newPage();
    await other.goto(page.url());
    await at(other, "1/2");
    await button("Show the next version").click();
    await at(other, "2/2");
    await exchange("And the mornings are loud.", other);
    await page.getByText("And the mornings are loud.").waitFor();
    await count(replies(), 2);
    await other.close();
  });

  it("lets a message be changed, and keeps what was said before", async () => {
    const message = turns("seeker").first();
    await message.hover();
    await button("Edit", message).click();
    assert.equal(await focused(), "edited");
    await page.keyboard.press("Escape");
    await page.locator("#edited").waitFor({ state: "detached" });
    assert.equal(
      await page.evaluate(() => document.activeElement?.textContent.trim()),
      "Edit",
    );
    await page.keyboard.press("Enter");
    await page.locator("#edited").fill("I moved here a year ago.");
    await shot("edit");
    await page.locator("#edited").press("Enter");
    await page.getByText("I moved here a year ago.").waitFor();
    await replies().first().waitFor();
    await page.locator("[data-turn=draft], .thinking").waitFor({
      state: "hidden",
    });
    assert.equal(await focused(), "message");
    await count(turns("seeker"), 1);
    assert.equal(await version(message), "2/2");
    await button("Show the version before", message).click();
    await page.getByText("And the mornings are loud.").waitFor();
    await count(turns("seeker"), 2);
    assert.equal(await version(message), "1/2");
  });

  it("ends with the whole reply after a reload in its middle", async () => {
    const before = await replies().count();
    await send("Tell me something long about your days.");
    await page.getByText("Tell me something long").waitFor();
    await page.reload();
    await replies().nth(before).waitFor();
    const { turns: all, head } = await stored();
    const last = all.find((turn) => turn.seq === head);
    assert.equal(last.speaker, "supporter");
    assert.equal(
      await page
        .locator("[data-turn=supporter] .bubble > .words")
        .last()
        .innerText(),
      last.text,
    );
  });

  /** What was sent to the messages' address, by its key. */
  function watchKeys() {
    const keys = [];
    const listen = (request) => {
      if (request.method() === "POST" && request.url().endsWith("/messages"))
        keys.push(request.headers()["idempotency-key"]);
    };
    page.on("request", listen);
    return { keys, done: () => page.off("request", listen) };
  }

  it("sends a message once when the answer to it is lost", async () => {
    await begin(1);
    const quiet = complaints.length;
    const { keys, done } = watchKeys();
    let lost = 0;
    await page.route("**/messages", async (route) => {
      if (lost++ > 0) return route.continue();
      // The server hears it; the page never learns.
      await route.fetch();
      await route.abort("connectionreset");
    });
    await send("Say this once.");
    await page.waitForFunction(
      () => document.querySelector("#message")?.value === "",
    );
    await page.unroute("**/messages");
    done();
    assert.equal(keys.length, 2);
    assert.equal(keys[0], keys[1]);
    assert.match(keys[0], /^[\x21-\x7e]{1,64}$/);
    assert.deepEqual(await storedTexts(), ["Say this once."]);
    await count(turns("seeker"), 1);
    complaints.splice(quiet);
  });

  it("waits for a full server as long as it says, and sends by itself", async () => {
    await begin(2);
    const quiet = complaints.length;
    const { keys, done } = watchKeys();
    const refuse = (seconds, code) => (route) =>
      route.fulfill({
        status: 503,
        headers: { "retry-after": String(seconds) },
        contentType: "application/problem+json",
        body: JSON.stringify({ code, title: "Full", ahead: 4, wait_ms: 2000 }),
      });
    await page.route("**/messages", refuse(2, "busy"), { times: 1 });
    await send("I can wait.");
    await page.getByText("4 people are before you.").first().waitFor();
    assert.equal(await page.locator("#message").inputValue(), "I can wait.");
    await shot("full");
    await turns("seeker").first().waitFor();
    assert.equal(new Set(keys).size, 1);
    await replies().first().waitFor();

    await page.route("**/messages", refuse(60, "model-restarting"), {
      times: 1,
    });
    await send("Or not.");
    await page.getByText("The model is starting again").first().waitFor();
    await button("Do not send").click();
    await page.locator("[data-state=waiting]").waitFor({ state: "detached" });
    assert.equal(await page.locator("#message").inputValue(), "Or not.");
    await page.reload();
    assert.equal(await page.locator("#message").inputValue(), "Or not.");
    assert.deepEqual(await storedTexts(), ["I can wait."]);
    done();
    complaints.splice(quiet);
  });

  it("says who is before, in place of the dots", async () => {
    await begin(3);
    const queued = { type: "queued", seq: 1, ahead: 3, wait_ms: 12000 };
    const line = `retry: 300\n\ndata: ${JSON.stringify(queued)}\n\n`;
    await page.route("**/events?*", (route) =>
      route.fulfill({ contentType: "text/event-stream", body: line }),
    );
    await page.reload();
    await page
      .getByText("3 people are before you, about 12 seconds.")
      .first()
      .waitFor();
    await shot("queue");
    await page.unroute("**/events?*");
    await exchange("Is it my turn?");
    assert.equal(await page.locator("[data-queue]").count(), 0);
  });

  it("loses no word when the server is killed while it is sent", async () => {
    const words = "Nothing may lose these words.";
    await begin(4);
    await exchange("Hello.");
    const quiet = complaints.length;
    const { keys, done } = watchKeys();
    const { port, data } = server;
    await server.kill();
    await page.locator("[data-state=away]").waitFor();
    await send(words);
    await page.locator("[data-state=waiting]").waitFor();
    assert.equal(await page.locator("#message").inputValue(), words);
    await shot("killed");
    server = await serve({ port, data });
    // It goes by itself, or after its last try by hand; always with the same key.
    for (;;) {
      const here = turns("seeker").nth(1);
      const again = button("Try again");
      await here.or(again).first().waitFor();
      if (await here.count()) break;
      await again.click();
      await page
        .getByText("Not sent.")
        .waitFor({ state: "detached", timeout: 5000 })
        .catch(() => undefined);
    }
    assert.equal(new Set(keys).size, 1);
    await replies().nth(1).waitFor();
    await page.reload();
    await replies().nth(1).waitFor();
    assert.deepEqual(await storedTexts(), ["Hello.", words]);
    assert.equal(await page.locator("#message").inputValue(), "");
    done();
    complaints.splice(quiet);
  });

  it("saves everything in one file", async () => {
    await page
      .getByRole("navigation")
      .getByRole("link", { name: "Your conversations" })
      .click();
    await page.locator("[data-session]").nth(4).waitFor();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Download everything" }).click(),
    ]);
    assert.equal(download.suggestedFilename(), "kindred-export.json");
    const saved = JSON.parse(readFileSync(await download.path(), "utf8"));
    assert.equal(
      saved.sessions.length,
      await page.locator("[data-session]").count(),
    );
    const texts = saved.sessions.flatMap((session) =>
      session.turns.map((turn) => turn.text),
    );
    for (const words of [
      "I just moved here. It is quiet in the evenings.",
      "I moved here a year ago.",
      "Say this once.",
    ])
      assert.ok(texts.includes(words), words);
    // It is a file, not a page.
    assert.equal(new URL(page.url()).pathname, "/conversations");
  });

  it("deletes one conversation from the list, in other tabs too", async () => {
    const row = page.locator("[data-session]").first();
    const id = await row.getAttribute("data-session");
    const before = await page.locator("[data-session]").count();
    const other = await context.newPage();
    await other.goto(`${server.url}/talk/${id}`);
    await other.locator("#message").fill("Not sent yet");
    await button(/^Delete the conversation with/, row).click();
    await button("Keep it", row).click();
    assert.equal(await page.locator("[data-session]").count(), before);
    await button(/^Delete the conversation with/, row).click();
    await shot("delete-one");
    await button("Yes, delete it", row).click();
    await page.getByText("The conversation is deleted.").waitFor();
    assert.equal(await page.locator("[data-session]").count(), before - 1);
    assert.equal(
      await page.evaluate(() => document.activeElement?.tagName),
      "H1",
    );
    await other.getByText("This conversation was deleted.").waitFor();
    await other.getByText("Not sent yet").waitFor();
    await other.goto(`${server.url}/talk/${id}`);
    await other.getByText("may not read it, or it was deleted").waitFor();
    await other.close();
  });

  it("deletes the conversation that is open", async () => {
    const quiet = complaints.length;
    await begin(5);
    await exchange("Forget this.");
    await button("Delete this conversation").click();
    assert.equal(
      await page.evaluate(() => document.activeElement?.textContent.trim()),
      "Keep it",
    );
    await page.keyboard.press("Escape");
    assert.equal(await page.getByRole("alertdialog").count(), 0);
    await button("Delete this conversation").click();
    await page.getByText(/erased from this server’s database/).waitFor();
    await shot("delete-open");
    await button("Yes, delete it").click();
    await page.getByText("This conversation was deleted.").waitFor();
    assert.equal(await page.locator("#message").count(), 0);
    const address = page.url();
    await page.goto(address);
    await page.getByText("may not read it, or it was deleted").waitFor();
    complaints.splice(quiet);
  });

  it("keeps a conversation from another browser", async () => {
    const address = await begin(6);
    await exchange("This is mine.");
    const { page: stranger, context: foreign } = await open(browser);
    await stranger.goto(address);
    await stranger.getByText("may not read it, or it was deleted").waitFor();
    assert.equal(await stranger.getByText("This is mine.").count(), 0);
    await stranger.goto(`${server.url}/conversations`);
    await stranger.getByText("There is no conversation yet.").waitFor();
    await foreign.close();
  });

  for (const [width, height] of [
    [360, 740],
    [1280, 900],
  ])
    for (const colorScheme of ["light", "dark"])
      it(`fits ${width} px, ${colorScheme}`, async () => {
        const small = await context.newPage();
        await small.setViewportSize({ width, height });
        await small.emulateMedia({ colorScheme });
        const fits = async (view) => {
          const over = await small.evaluate(
            () => document.documentElement.scrollWidth - innerWidth,
          );
          assert.ok(over <= 0, `${view} is ${over} px wider than the screen`);
          await shot(`${view}-${width}-${colorScheme}`, small);
        };
        await small.goto(`${server.url}/conversations`);
        await small.locator("[data-session]").first().waitFor();
        await fits("conversations");
        await button(/^Delete the conversation/, small)
          .first()
          .click();
        await fits("conversations-delete");
        await button("Delete everything", small).click();
        await button("Yes, delete everything", small).scrollIntoViewIfNeeded();
        await fits("conversations-delete-all");
        // The first of all has every kind of version.
        await small.locator("[data-session] a").last().click();
        await small.locator("[data-versions]").first().waitFor();
        await fits("versions");
        await button("Edit", small).first().click();
        await fits("edit");
        await button("Leave it", small).click();
        await button("Delete this conversation", small).click();
        await fits("delete-open");
        await small.close();
      });

  it("deletes everything after asking, and says that it is gone", async () => {
    const address = page.url();
    await page.goto(`${server.url}/conversations`);
    await page.locator("[data-session]").first().waitFor();
    const other = await context.newPage();
    await other.goto(address);
    await other.locator("#message").waitFor();
    await button("Delete everything").click();
    await button("Yes, delete everything").click();
    await page
      .getByRole("heading", { name: "Everything is deleted" })
      .waitFor();
    await other.getByText("This conversation was deleted.").waitFor();
    await shot("gone");
    const cookies = (await context.cookies()).filter((cookie) =>
      cookie.name.endsWith("kindred"),
    );
    assert.deepEqual(cookies, []);
    await other.goto(address);
    await other.getByText("may not read it, or it was deleted").waitFor();
    await other.close();
    await page.reload();
    await page.getByText("There is no conversation yet.").waitFor();
  });

  it("gave the browser nothing to complain of", () => {
    assert.deepEqual(complaints, []);
  });
});
