// A message arrives once, whatever happens on its way: lost answers, a full server, one that is killed.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { missing, serve } from "./kindred.mjs";
import {
  begin,
  button,
  exchange,
  replies,
  seeker,
  send,
  setting,
  shot,
  storedWords,
} from "./talk.mjs";

describe("sending", { skip: missing(), timeout: 1_200_000 }, () => {
  const here = setting();

  // The keys under which messages were sent since the last look.
  const keys = [];
  before(() =>
    here.page.on("request", (request) => {
      if (request.method() === "POST" && request.url().endsWith("/messages"))
        keys.push(request.headers()["idempotency-key"]);
    }),
  );
  const sentKeys = () => keys.splice(0);

  /** Answers in the server's place. */
  const refuse = (seconds, code) => (route) =>
    route.fulfill({
      status: 503,
      headers: { "retry-after": String(seconds) },
      contentType: "application/problem+json",
      body: JSON.stringify({ code, title: "Full", ahead: 4, wait_ms: 2000 }),
    });

  const box = () => here.page.locator("#message");
  const emptied = () =>
    here.page.waitForFunction(
      () => document.querySelector("#message")?.value === "",
    );

  /** The server hears it; no answer comes. */
  const lose = async (route) => {
    await route.fetch();
    // Whoever left the page waits for no answer.
    await route.abort("connectionreset").catch(() => undefined);
  };

  /** No stream tells the page of anything. */
  async function deafen(page) {
    await page.route("**/events?*", (route) => route.abort());
    await page.reload();
    await box().waitFor();
  }

  it("sends a message once when the answer to it is lost", async () => {
    const { page } = here;
    await begin(here, 1);
    await deafen(page);
    sentKeys();
    await page.route("**/messages", lose, { times: 1 });
    await send(page, "Say this once.");
    await emptied();
    await page.unroute("**/events?*");
    const [first, second, ...more] = sentKeys();
    assert.match(first, /^[\x21-\x7e]{1,64}$/);
    assert.equal(second, first);
    assert.deepEqual(more, []);
    assert.deepEqual(await storedWords(page), ["Say this once."]);
    assert.equal(await seeker(page).count(), 1);
  });

  it("does not send again what it hears of, though the answer is lost", async () => {
    const { page } = here;
    await begin(here, 7);
    sentKeys();
    await page.route("**/messages", lose, { times: 1 });
    await send(page, "Heard.");
    await emptied();
    await replies(page).first().waitFor();
    assert.equal(sentKeys().length, 1);
    assert.deepEqual(await storedWords(page), ["Heard."]);
    assert.equal(await seeker(page).count(), 1);
  });

  it("waits for a full server as long as it says, and sends by itself", async () => {
    const { page } = here;
    await begin(here, 2);
    sentKeys();
    await page.route("**/messages", refuse(2, "busy"), { times: 1 });
    await send(page, "I can wait.");
    await page.getByText("4 people are before you.").first().waitFor();
    assert.equal(await box().inputValue(), "I can wait.");
    await shot(page, "full");
    await seeker(page).first().waitFor();
    await replies(page).first().waitFor();
    const used = sentKeys();
    assert.ok(used.length > 1 && new Set(used).size === 1, used.join(" "));
  });

  it("can be told not to send, and keeps the words over a reload", async () => {
    const { page } = here;
    const restarting = refuse(60, "model-restarting");
    await page.route("**/messages", restarting, { times: 1 });
    await send(page, "Or not.");
    await page.getByText("The model is starting again").first().waitFor();
    await button(page, "Do not send").click();
    await page.locator("[data-state=waiting]").waitFor({ state: "detached" });
    assert.equal(await box().inputValue(), "Or not.");
    await page.reload();
    assert.equal(await box().inputValue(), "Or not.");
    assert.deepEqual(await storedWords(page), ["I can wait."]);
    // What was not to be sent is something new when it is: its key is forgotten.
    await box().press("Enter");
    await emptied();
    assert.equal(new Set(sentKeys()).size, 2);
    assert.deepEqual(await storedWords(page), ["I can wait.", "Or not."]);
  });

  it("says the same words again, though the first answer to them was lost", async () => {
    const { page } = here;
    const address = await begin(here, 5);
    await deafen(page);
    sentKeys();
    await page.route("**/messages", lose);
    await send(page, "Twice.");
    await page.locator("[data-state=waiting]").waitFor();
    // The page is left while nobody knows.
    await page.goto(`${here.server.url}/help`);
    await page.unroute("**/messages");
    await page.unroute("**/events?*");
    await page.goto(address);
    await replies(page).first().waitFor();
    assert.equal(await box().inputValue(), "");
    await exchange(page, "Twice.");
    assert.deepEqual(await storedWords(page), ["Twice.", "Twice."]);
    assert.equal(new Set(sentKeys()).size, 2);
  });

  it("does not try by itself what needs somebody's hand, and says why", async () => {
    const { page } = here;
    await begin(here, 6);
    await page.route("**/messages", refuse(1, "read-only"));
    await send(page, "Keep this.");
    await page.getByText("The server cannot keep anything new now").waitFor();
    assert.equal(await page.locator("[data-state=waiting]").count(), 0);
    assert.equal(await box().inputValue(), "Keep this.");
    await shot(page, "read-only");
    sentKeys();
    await page.unroute("**/messages");
    await button(page, "Try again").click();
    await emptied();
    assert.equal(sentKeys().length, 1);
    assert.deepEqual(await storedWords(page), ["Keep this."]);
  });

  it("says who is before, in place of the dots", async () => {
    const { page } = here;
    await begin(here, 3);
    const queued = { type: "queued", seq: 1, ahead: 3, wait_ms: 12000 };
    const line = `retry: 300\n\ndata: ${JSON.stringify(queued)}\n\n`;
    await page.route("**/events?*", (route) =>
      route.fulfill({ contentType: "text/event-stream", body: line }),
    );
    await page.reload();
    const told = "3 people are before you, about 12 seconds.";
    await page.locator("[data-queue]").getByText(told).waitFor();
    await shot(page, "queue");
    await page.unroute("**/events?*");
    await exchange(page, "Is it my turn?");
    assert.equal(await page.locator("[data-queue]").count(), 0);
  });

  it("loses no word when the server is killed while it is sent", async () => {
    const { page } = here;
    const words = "Nothing may lose these words.";
    await begin(here, 4);
    await exchange(page, "Hello.");
    sentKeys();
    const { port, data } = here.server;
    await here.server.kill();
    await page.locator("[data-state=away]").waitFor();
    await send(page, words);
    await page.locator("[data-state=waiting]").waitFor();
    assert.equal(await box().inputValue(), words);
    await shot(page, "killed");
    here.server = await serve({ port, data });
    // It goes by itself, or after its last try by hand; always with the same key.
    const said = seeker(page).nth(1);
    const again = page.locator(".foot").getByRole("button", {
      name: "Try again",
    });
    for (;;) {
      await said.or(again).first().waitFor();
      if (await said.count()) break;
      await again.click({ timeout: 1000 }).catch(() => undefined);
    }
    assert.equal(new Set(sentKeys()).size, 1);
    await replies(page).nth(1).waitFor();
    await emptied();
    await page.reload();
    await replies(page).nth(1).waitFor();
    assert.deepEqual(await storedWords(page), ["Hello.", words]);
    assert.equal(await box().inputValue(), "");
  });

  it("gave the browser nothing to complain of but what was done to it", () => {
    const ours = here.complaints.filter(
      (text) => !/ERR_|Failed to load resource/.test(text),
    );
    assert.deepEqual(ours, []);
  });
});
