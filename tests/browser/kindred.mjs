// Starts the real binary on a free port with a data folder of its own, and a browser to look at it.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
// The page's own packages hold the driver: one lock file for everything that runs in Node.
const { chromium } = createRequire(join(root, "static/package.json"))(
  "playwright-core",
);

export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
// The one asked for, else the one built last: an old binary of the other profile must not be tested by mistake.
const BUILT = ["target/debug/kindred", "target/release/kindred"]
  .map((path) => join(root, path))
  .filter(existsSync)
  .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
export const binary = process.env.KINDRED_BINARY
  ? resolve(root, process.env.KINDRED_BINARY)
  : BUILT[0];

const MODEL =
  process.env.KINDRED_MODEL ?? join(root, "models/kindred-stand-in");

/** Why the browser tests cannot run here; false if they can. With CI=true they must run wherever there is a model. */
export function missing() {
  if (!existsSync(MODEL))
    return `no model at ${MODEL}: train one (docs/training.md), or set KINDRED_MODEL`;
  if (process.env.CI === "true") return false;
  if (!existsSync(CHROMIUM))
    return `no browser at ${CHROMIUM}: install chromium, or set CHROMIUM`;
  if (!binary) return "no binary in target/: run cargo build first";
  return false;
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** A running server: its address, and `stop`, which interrupts it and gives its exit code. */
export async function serve({
  data = mkdtempSync(join(tmpdir(), "kindred-data-")),
  port,
} = {}) {
  port ??= await freePort();
  const child = spawn(
    binary,
    ["serve", "--port", String(port), "--data", data],
    {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (bytes) => (said += bytes));
  const exited = new Promise((resolve) =>
    child.once("exit", (code, signal) => resolve(code ?? signal)),
  );
  const url = `http://127.0.0.1:${port}`;
  // The first start of all reads the whole bank.
  const until = Date.now() + 600_000;
  for (;;) {
    const ready = await fetch(`${url}/api/ready`).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) break;
    if (child.exitCode !== null || Date.now() > until) {
      child.kill("SIGKILL");
      throw new Error(`kindred serve did not become ready:\n${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return {
    url,
    port,
    data,
    log: () => said,
    stop: () => {
      child.kill("SIGINT");
      return exited;
    },
    /** As if the power had failed. */
    kill: () => {
      child.kill("SIGKILL");
      return exited;
    },
    forget: () => rmSync(data, { recursive: true, force: true }),
  };
}

export function launch() {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--no-first-run",
    ],
  });
}

/** A page that remembers every complaint: console errors, uncaught errors, violations of the content policy. */
export async function open(browser, options) {
  const context = await browser.newContext({
    reducedMotion: "reduce",
    ...options,
  });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => {
    // Whoever has no cookie is told so (401) until they open a conversation: the browser notes every such status.
    if (/status of 401/.test(message.text())) return;
    if (message.type() === "error" || message.type() === "warning")
      complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) =>
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`),
    );
  });
  page.setDefaultTimeout(60_000);
  return { page, complaints, context };
}
