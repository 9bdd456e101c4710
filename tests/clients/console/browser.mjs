// A reader with a browser: what it asks for, what it is told, and what it must never see.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const modules = createRequire(`${process.env.INVENTORY_TEST_NODE}/`);
const { chromium } = modules("playwright-core");
const AXE = readFileSync(modules.resolve("axe-core/axe.min.js"), "utf8");

/** Far from where the tests run, so that a time that is shown in the wrong zone is seen. */
const ZONE = "Asia/Tokyo";
const WIDE = { width: 1280, height: 860 };
const PHONE = { width: 390, height: 844 };

export async function opened(facts) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
  const context = await browser.newContext({ viewport: WIDE, timezoneId: ZONE, locale: "en-GB", colorScheme: "light", reducedMotion: "reduce" });
  context.setDefaultTimeout(30_000);
  const reader = new Reader(browser, context, await context.newPage(), facts);
  await reader.watch();
  return reader;
}

class Reader {
  constructor(browser, context, page, facts) {
    Object.assign(this, { browser, context, page, facts, faults: [], commands: [] });
    this.lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  }

  /** Nothing leaves the origin, nothing breaks the policy, nothing is thrown, nothing is sent without a key. */
  async watch() {
    await this.context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) =>
        console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
    });
    this.page.on("request", (request) => {
      const { origin, protocol } = new URL(request.url());
      if (protocol !== "data:" && origin !== this.facts.url) this.faults.push(`asked elsewhere: ${request.url()}`);
      if (request.method() !== "GET") this.commands.push({ method: request.method(), path: new URL(request.url()).pathname, headers: request.headers() });
    });
    this.page.on("pageerror", (error) => this.faults.push(`thrown: ${error.stack}`));
    this.page.on("console", (message) => {
      // The browser itself tells of answers that are no success, and of a gateway that is gone.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) this.faults.push(message.text());
    });
  }

  check() {
    assert.deepEqual(this.faults, []);
    for (const { method, path, headers } of this.commands) {
      const safe = method === "POST" ? headers["idempotency-key"] : headers["if-match"];
      assert.ok(safe, `${method} ${path} was sent so that it cannot be repeated`);
    }
  }

  /** In through the door. */
  async enter(hash = "") {
    await this.page.goto(`${this.facts.url}/console/#/${hash}`);
    await this.page.getByLabel("API key").fill(this.facts.key);
    await this.page.keyboard.press("Enter");
    await this.page.getByRole("navigation").waitFor();
  }

  /** A page, once it shows that. */
  async at(hash, text) {
    await this.page.goto(`${this.facts.url}/console/#/${hash}`);
    await this.page.getByRole("main").getByText(text).first().waitFor();
  }

  /** No violation of what axe knows, light and dark, wide and narrow; and nothing sticks out of either. */
  async isAccessible(what) {
    for (const [colorScheme, size] of [["light", WIDE], ["dark", PHONE]]) {
      await this.page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await this.page.setViewportSize(size);
      await this.page.evaluate(`${AXE}; undefined`);
      const found = await this.page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
      const words = found.violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).slice(0, 3).join(" | ")}`);
      assert.deepEqual(words, [], `${what}, ${colorScheme}, ${size.width} wide`);
      const beyond = await this.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(beyond <= 0, `${what}, ${size.width} wide, is ${beyond} too wide`);
    }
    await this.page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
    await this.page.setViewportSize(WIDE);
  }

  /** Nothing sticks out of what it stands in, wide and narrow; what is wider on purpose scrolls by itself. */
  async keepsItsPlace(what) {
    for (const size of [WIDE, PHONE]) {
      await this.page.setViewportSize(size);
      // A plot is as wide as its place once the browser has told it of that.
      const found = await this.page.waitForFunction(() => {
        const places = [document.documentElement, ...document.querySelectorAll("header.side, main, .card, .tile, .head, dialog, .notice")];
        const beyond = places.filter((place) => place.scrollWidth > place.clientWidth + 1).map((place) => `${place.tagName}.${place.className}: ${place.innerText.slice(0, 80)}`);
        globalThis.asked = beyond.length ? (globalThis.asked ?? 0) + 1 : 0;
        return globalThis.asked > 100 || !beyond.length ? { beyond } : null;
      });
      const { beyond } = await found.jsonValue();
      await this.page.evaluate(() => delete globalThis.asked);
      assert.deepEqual(beyond, [], `${what}, ${size.width} wide`);
    }
    await this.page.setViewportSize(WIDE);
  }

  get takesPictures() {
    return Boolean(process.env.PICTURES);
  }

  /** For the README. */
  async picture(name, { colorScheme = "light", phone = false } = {}) {
    await this.page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await this.page.setViewportSize(phone ? PHONE : { ...WIDE, height: 800 });
    await this.page.evaluate(() => document.activeElement?.blur());
    await this.page.screenshot({ path: `${process.env.PICTURES}/${name}.png` });
    await this.page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
    await this.page.setViewportSize(WIDE);
  }

  /** The test does it, and says when. */
  async askFor(what) {
    console.log(what);
    const { value } = await this.lines.next();
    assert.equal(value, "done");
  }

  async close() {
    await this.browser.close();
    process.stdin.destroy();
  }
}
