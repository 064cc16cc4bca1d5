// A browser, and a page that remembers what it should not have done.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** On a loaded machine nothing is quick; what is waited for is a condition. */
export const PATIENCE = Number(process.env.PATIENCE ?? 60_000);

/** What a browser says by itself of an answer that is an error; whether it is one that was asked for, the tests see. */
const OF_AN_ANSWER = /^Failed to load resource: the server responded with a status of \d+/;

/** A page that was put in on its way has no address, and could open no socket to this machine. */
const OF_FILES = process.env.CONSOLE_FILES ? ["--disable-features=LocalNetworkAccessChecks"] : [];

export function launch() {
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", ...OF_FILES] });
}

/** Runs with a page of its own; afterwards the page has asked nobody but its origin, and complained of nothing. */
export async function withPage(browser, origin, options, work) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-GB", colorScheme: "light", reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(PATIENCE);
  if (process.env.CONSOLE_FILES) await context.route(/\/console(\/.+)?$/, fromHere);
  const page = await context.newPage();
  const complaints = [];
  const elsewhere = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()) && !OF_AN_ANSWER.test(message.text())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== origin) elsewhere.push(request.url());
  });
  page.on("websocket", (socket) => {
    if (new URL(socket.url()).host !== new URL(origin).host) elsewhere.push(socket.url());
  });
  try {
    await work(page);
    assert.deepEqual(complaints, [], "the page complains");
    assert.deepEqual(elsewhere, [], "the page asks somebody else");
  } finally {
    await context.close();
  }
}

/** With CONSOLE_FILES=1 the page comes as its files are now, whatever the program was built with. */
async function fromHere(route) {
  const name = new URL(route.request().url()).pathname.slice("/console/".length) || "page.html";
  const response = await route.fetch();
  await route.fulfill({ response, body: readFileSync(new URL(`../../integridai-gateway/src/console/${name}`, import.meta.url)) });
}

export async function signIn(page, gateway, credential = gateway.key) {
  await page.goto(gateway.console);
  await page.locator("#credential").fill(credential);
  await page.locator("#sign-in [type=submit]").click();
  await page.locator("#views").waitFor();
}

/** Signed in, with services and figures there and the socket open. */
export async function atTheOverview(page, gateway) {
  await signIn(page, gateway);
  await page.locator("#connection[data-state=live]").waitFor();
  await page.locator('[data-service="regtech"] .badge').waitFor();
  await page.locator('[data-figure="providers_analyzed"] .tile-value').waitFor();
}

export async function show(page, view) {
  await page.locator(`#views a[href="#${view}"]`).click();
  await page.locator(`#view-${view}`).waitFor();
}

/** What axe finds against WCAG 2.2 AA and good practice, each with the element. */
export async function violations(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target} ${node.failureSummary}`).join(" | ")}`);
}

/** Until it is so. */
export async function until(what, condition) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    if (await condition()) return;
    assert.ok(Date.now() < end, `in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
