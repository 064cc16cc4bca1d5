// How the console looks and is used: by everybody, in both languages, in light and dark, on every width.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { atTheOverview, launch, show, signIn, until, violations, withPage } from "./browser.mjs";
import { Gateway } from "./gateway.mjs";

let gateway;
let browser;

before(async () => {
  browser = await launch();
  gateway = await Gateway.start();
});

after(async () => {
  await browser?.close();
  await gateway?.stop();
});

function on(name, work, options = {}) {
  test(name, () => withPage(browser, gateway.origin, options, work));
}

const VIEWS = ["overview", "workflows", "events"];

/** Each view with something in it: an execution with its steps, an event that is open. */
async function* everyView(page) {
  await atTheOverview(page, gateway);
  await show(page, "workflows");
  await page.locator("#run-example").click();
  await page.locator("#run-submit").click();
  await page.locator('#follow-status[data-status="succeeded"]').waitFor();
  await page.locator("#follow .outcome").waitFor();
  yield "workflows";
  await page.locator("#run-cuit").fill("1");
  await page.locator("#run-submit").click();
  await page.locator("#run [aria-invalid=true]").waitFor();
  yield "workflows, with a field that is wrong";
  await show(page, "events");
  await page.locator("#pause").click();
  await page.locator("#events summary").first().click();
  await page.locator("#events .event-body").waitFor();
  yield "events";
  await show(page, "overview");
  await page.locator("#latest li").first().waitFor();
  yield "overview";
}

for (const colorScheme of ["light", "dark"]) {
  for (const locale of ["en-GB", "es-AR"]) {
    on(`nobody is shut out of any view, ${colorScheme}, ${locale}`, async (page) => {
      await page.goto(gateway.console);
      await page.locator("#credential").waitFor();
      await page.locator("#sign-in [type=submit]").click();
      assert.deepEqual(await violations(page), [], "signing in");
      for await (const view of everyView(page)) assert.deepEqual(await violations(page), [], view);
    }, { colorScheme, locale });
  }
}

for (const width of [360, 768]) {
  on(`nothing is cut off at a width of ${width}`, async (page) => {
    const overhang = () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    for await (const view of everyView(page)) assert.equal(await overhang(), 0, view);
  }, { viewport: { width, height: 800 }, locale: "es-AR" });
}

on("a browser that prefers Spanish gets it, and the switch brings English back and is remembered", async (page) => {
  await signIn(page, gateway);
  await page.locator('[data-service="regtech"] .badge', { hasText: "En línea" }).waitFor();
  assert.equal(await page.locator("html").getAttribute("lang"), "es");
  await show(page, "workflows");
  await page.locator("#run-cuit").fill("30-1");
  await page.locator("#run-submit").click();
  await page.locator("#run-cuit-error", { hasText: "Se espera NN-NNNNNNNN-N" }).waitFor();
  await page.locator("#language").click();
  await page.locator("#run-cuit-error", { hasText: "Expected NN-NNNNNNNN-N" }).waitFor();
  assert.equal(await page.locator("#run-cuit").inputValue(), "30-1");
  assert.equal(await page.title(), "Workflows · IntegridAI Console");
  await page.reload();
  await page.locator("#sign-in-title", { hasText: "Sign in" }).waitFor();
}, { locale: "es-AR" });

on("it is dark where the browser is, until the switch says otherwise", async (page) => {
  const brightness = () => page.evaluate(() => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d");
    canvas.fillStyle = getComputedStyle(document.body.parentElement).backgroundColor;
    canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data[0];
  });
  await page.goto(gateway.console);
  await page.locator("#credential").waitFor();
  assert.ok((await brightness()) < 60);
  await page.locator("#theme", { hasText: "Light" }).click();
  assert.ok((await brightness()) > 200);
  await page.reload();
  await page.locator("#credential").waitFor();
  assert.ok((await brightness()) > 200);
}, { colorScheme: "dark" });

/** Presses Tab until this has the focus. */
async function tabTo(page, selector) {
  const wanted = page.locator(selector).first();
  for (let presses = 0; presses < 60; presses += 1) {
    if (await wanted.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`${selector} cannot be reached`);
}

on("everything can be done without a mouse", async (page) => {
  await page.goto(gateway.console);
  await page.locator("#credential").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), "credential");
  await page.keyboard.type(gateway.key);
  await page.keyboard.press("Enter");
  await page.locator("#overview-title:focus").waitFor();
  await tabTo(page, "#recent a, #view-overview .halves a");
  await page.keyboard.press("Enter");
  await page.locator("#workflows-title:focus").waitFor();
  await tabTo(page, "#run [name=workflow]");
  await page.keyboard.press("ArrowDown");
  await page.locator("#run-training_session").waitFor();
  await tabTo(page, "#run-training_session");
  await page.keyboard.type("demo-session");
  await page.keyboard.press("Enter");
  await page.locator('#follow-status[data-status="succeeded"]').waitFor();
  await tabTo(page, "#follow [data-key=its-events]");
  await page.keyboard.press("Enter");
  await page.locator("#events-title:focus").waitFor();
  await page.locator('#events [data-type="training_progress"]').waitFor();
  await tabTo(page, "#events summary");
  await page.keyboard.press("Enter");
  await page.locator("#events .event-body").waitFor();
  const focus = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(focus, "solid");
});

on("the focus stays where it is while lists are renewed", async (page) => {
  await atTheOverview(page, gateway);
  await show(page, "workflows");
  await page.locator("#run-example").click();
  await page.locator("#run-submit").click();
  await page.locator('#follow-status[data-status="succeeded"]').waitFor();
  const row = page.locator("#executions .row").last();
  const id = await row.getAttribute("data-execution");
  await row.focus();
  await page.locator("#language").evaluate((button) => button.click());
  await page.locator("#executions", { hasText: "Completada" }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.dataset.execution), id);
});

on("those who do not see it are told how an execution goes on", async (page) => {
  await atTheOverview(page, gateway);
  await show(page, "workflows");
  await page.locator("#run-example").click();
  await page.locator("#run-submit").click();
  await page.locator("#announcer", { hasText: "Analyse a provider: Succeeded" }).waitFor({ state: "attached" });
});

on("the documentation of the API loads", async (page) => {
  await page.goto(`${gateway.origin}/docs/`);
  await page.locator(".swagger-ui .info", { hasText: "IntegridAI Gateway" }).waitFor();
  await until("its operations", async () => (await page.locator(".opblock").count()) > 10);
});

test("the views are those that the page has", () => withPage(browser, gateway.origin, {}, async (page) => {
  await page.goto(gateway.console);
  const links = await page.locator("#views a").evaluateAll((found) => found.map((link) => link.getAttribute("href").slice(1)));
  assert.deepEqual(links, VIEWS);
}));
