// What a person does in a conversation, step by step, for the tests that look at one from several sides.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { launch, open, serve } from "./kindred.mjs";

const shots =
  process.env.SCREENSHOTS ?? mkdtempSync(join(tmpdir(), "kindred-shots-"));

/** A server, a browser and a page for the tests of one `describe`; `server` may be replaced by one started anew. */
export function setting() {
  const here = {};
  before(async () => {
    here.server = await serve();
    here.browser = await launch();
    Object.assign(
      here,
      await open(here.browser, {
        viewport: { width: 1280, height: 900 },
        acceptDownloads: true,
      }),
    );
    here.context.setDefaultTimeout(60_000);
    console.log(`screenshots: ${shots}`);
  });
  after(async () => {
    await here.browser?.close();
    await here.server?.stop();
    here.server?.forget();
  });
  return here;
}

export const shot = (page, name) =>
  page.screenshot({ path: join(shots, `${name}.png`) });

export const seeker = (page) => page.locator("[data-turn=seeker]");

/** Everything that a reply can become. */
export const replies = (page) =>
  page.locator(
    "[data-turn=supporter], [data-turn=silenced], [data-turn=help], [data-turn=failed]",
  );

export const button = (page, name) => page.getByRole("button", { name });

/** What has the keyboard: its name for those who cannot see it, its id, or what is written on it. */
export const focused = (page) =>
  page.evaluate(() => {
    const at = document.activeElement;
    return at?.getAttribute("aria-label") ?? (at?.id || at?.textContent.trim());
  });

/** Opens a conversation with nothing said in it; gives its address. */
export async function begin({ page, server }, index = 0) {
  await page.goto(`${server.url}/characters/${index}`);
  await button(page, /^Talk with/).click();
  await page.locator("#message").waitFor();
  return page.url();
}

export async function send(page, words) {
  await page.locator("#message").fill(words);
  await page.locator("#message").press("Enter");
}

/** No reply is on its way. */
export const quiet = (page) =>
  page.locator("[data-turn=draft], .thinking").waitFor({ state: "hidden" });

/** Says something and waits for the whole reply. */
export async function exchange(page, words) {
  const before = await replies(page).count();
  await send(page, words);
  await replies(page).nth(before).waitFor();
  await quiet(page);
}

/** Waits until some turn is shown as this one of its versions, such as "1/2". */
export const versionShown = (page, numbers) =>
  page.waitForFunction(
    (numbers) =>
      [...document.querySelectorAll("[data-versions]")].some(
        (each) => each.textContent === numbers,
      ),
    numbers,
  );

/** What the server has of the conversation that is open. */
export const stored = (page) =>
  page.evaluate(async () => {
    const id = location.pathname.split("/")[2];
    return (await fetch(`/api/sessions/${id}`)).json();
  });

/** What it has of the person's words. */
export async function storedWords(page) {
  const { turns } = await stored(page);
  return turns
    .filter((turn) => turn.speaker === "seeker")
    .map((turn) => turn.text);
}
