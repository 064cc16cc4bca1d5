// The console against the demonstration, in a browser.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { atTheOverview, launch, show, signIn, until, withPage } from "./browser.mjs";
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

/** Fills the form in with the example and sends it off. */
async function runTheExample(page) {
  await page.locator("#run-example").click();
  await page.locator("#run-submit").click();
}

on("the page comes with a policy that allows nothing from elsewhere and nothing inline", async (page) => {
  const answer = await page.goto(gateway.console);
  const policy = answer.headers()["content-security-policy"];
  for (const directive of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"]) {
    assert.ok(policy.includes(directive), policy);
  }
  assert.ok(!policy.includes("unsafe"), policy);
  assert.equal(await page.locator("[style], style, script:not([src]), [onclick]").count(), 0);
});

on("a wrong key is refused in words, and the right one is in", async (page) => {
  await page.goto(gateway.console);
  const error = page.locator("#credential-error");
  await page.locator("#sign-in [type=submit]").click();
  await error.filter({ hasText: "Enter an API key or a token." }).waitFor();
  await page.locator("#credential").fill("two words");
  await page.locator("#sign-in [type=submit]").click();
  await error.filter({ hasText: "has spaces" }).waitFor();
  await page.locator("#credential").fill(`${gateway.key}x`);
  await page.locator("#sign-in [type=submit]").click();
  await error.filter({ hasText: "does not accept this key or token" }).waitFor();
  assert.equal(await page.locator("#credential").getAttribute("aria-invalid"), "true");
  await page.locator("#credential").fill(gateway.key);
  await page.locator("#sign-in [type=submit]").click();
  await page.locator('[data-service="regtech"]').waitFor();
});

on("what was typed in is in no storage, no cookie and no address, and is gone after a reload", async (page) => {
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("websocket", (socket) => asked.push(socket.url()));
  await atTheOverview(page, gateway);
  await page.locator("#theme").click();
  const stored = await page.evaluate(async () => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href, await indexedDB.databases(), await caches.keys()]));
  const secret = gateway.key.slice(4);
  assert.ok(!stored.includes(secret), stored);
  assert.equal(asked.filter((url) => url.includes(secret)).length, 0);
  assert.equal(await page.locator("#credential").inputValue(), "");
  await page.reload();
  await page.locator("#credential").waitFor();
  assert.ok(await page.locator("#views").isHidden());
});

on("a token is as good as a key, and signing out leaves nothing on the page", async (page) => {
  await signIn(page, gateway, gateway.token);
  await page.locator("#connection[data-state=live]").waitFor();
  await page.locator("#sign-out").click();
  await page.locator("#credential").waitFor();
  assert.equal(await page.locator("#services *, #figures *, #executions *, #events *").count(), 0);
});

on("credentials that are not accepted any more end the session in words", async (page) => {
  await atTheOverview(page, gateway);
  await page.route("**/api/v1/services", (route) => route.fulfill({ status: 401 }));
  await page.locator("#credential-error", { hasText: "Your session has ended" }).waitFor();
  assert.equal(await page.locator("#services *, #figures *").count(), 0);
});

test("where the gateway asks nobody who they are, the page does not either", async () => {
  const open = await Gateway.start({ INTEGRIDAI_AUTH__DISABLED: "true" });
  try {
    await withPage(browser, open.origin, {}, async (page) => {
      await page.goto(open.console);
      await page.locator("#connection[data-state=live]").waitFor();
      await page.locator('[data-service="regtech"] .badge', { hasText: "Online" }).waitFor();
      assert.ok(await page.locator("#sign-out").isHidden());
    });
  } finally {
    await open.stop();
  }
});

on("services, figures and their course come by themselves", async (page) => {
  await atTheOverview(page, gateway);
  for (const service of ["regtech", "flaisimulator", "dashboard"]) {
    await page.locator(`[data-service="${service}"] .badge`, { hasText: "Online" }).waitFor();
    await page.locator(`[data-service="${service}"]`, { hasText: "Closed: calls go through" }).waitFor();
  }
  const asOf = page.locator("#as-of");
  const first = await asOf.textContent();
  await until("another round of figures", async () => (await asOf.textContent()) !== first);
  const chart = await page.locator('[data-figure="requests_per_minute"] svg').getAttribute("aria-label");
  assert.match(chart, /^Requests a minute: from .+ to .+ in the last \d+ rounds, now /);
});

on("a workflow that is run is followed to its end, step by step", async (page) => {
  await atTheOverview(page, gateway);
  await show(page, "workflows");
  await runTheExample(page);
  await page.locator('#follow-status[data-status="succeeded"]').waitFor();
  const steps = await page.locator("#follow .step-name").allTextContents();
  assert.deepEqual(steps.map((step) => step.trim()), ["In the queue Succeeded", "RegTech Engine: analyse Succeeded", "Dashboard: update Succeeded"]);
  await page.locator("#follow .outcome-score").waitFor();
  const id = await page.locator("#follow .card-head .mono").textContent();
  await page.locator(`#executions [data-execution="${id}"]`, { hasText: "Succeeded" }).waitFor();
  await page.locator("#follow [data-key=its-events]").click();
  await page.locator('#events [data-type="analysis_complete"]', { hasText: "Acme SA" }).waitFor();
  await until("its events alone", async () => (await page.locator("#events details").count()) === 1);
});

on("an execution that fails says at which step and why", async (page) => {
  await atTheOverview(page, gateway);
  await show(page, "workflows");
  await page.locator("#run [value=training_sync]").check();
  await page.locator("#run-training_session").fill("nobody-knows-this");
  await page.locator("#run-submit").click();
  await page.locator('#follow-status[data-status="failed"]').waitFor();
  await page.locator("#follow .notice", { hasText: "does not know this training session" }).waitFor();
  await page.locator("#follow .step.bad").waitFor();
});

on("a wrong field is told at the field, by the page and by the gateway", async (page) => {
  await atTheOverview(page, gateway);
  await show(page, "workflows");
  await page.locator("#run-cuit").fill("30-1234-9");
  await page.locator("#run-submit").click();
  await page.locator("#run-cuit-error", { hasText: "Expected NN-NNNNNNNN-N" }).waitFor();
  await page.locator("#run-name-error", { hasText: "This is needed." }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), "run-name");
  await page.locator("#run-example").click();
  await page.locator("#run-timeout").fill("9999999");
  await page.locator("#run-submit").click();
  await page.locator("#run-timeout-error", { hasText: "at most 86400" }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), "run-timeout");
});

on("what comes too often is told with the time to wait", async (page) => {
  await atTheOverview(page, gateway);
  const refusal = { status: 429, headers: { "retry-after": "17", "content-type": "application/problem+json" }, body: JSON.stringify({ detail: "too many requests" }) };
  await page.route("**/api/v1/gateway/execute", (route) => route.fulfill(refusal));
  await show(page, "workflows");
  await runTheExample(page);
  await page.locator("#run .notice", { hasText: "Try again in 17 s" }).waitFor();
});

on("a service goes offline and comes back", async (page) => {
  await atTheOverview(page, gateway);
  const card = page.locator('[data-service="regtech"]');
  await gateway.control("RegTech Engine", { mode: "reset" });
  try {
    await card.locator(".badge", { hasText: "Offline" }).waitFor();
    await page.locator("#condition", { hasText: "RegTech Engine does not answer" }).or(page.locator("#condition", { hasText: "RegTech Engine is left alone" })).first().waitFor();
    await card.locator("dd", { hasText: "Open: no calls are made" }).waitFor();
    await page.locator("#latest", { hasText: "RegTech Engine: Offline" }).waitFor();
    await page.locator('[data-figure="providers_analyzed"]', { hasText: "the service is not answering" }).waitFor();
  } finally {
    await gateway.control("RegTech Engine", null);
  }
  await card.locator(".badge", { hasText: "Online" }).waitFor();
  await card.locator("dd", { hasText: "Closed: calls go through" }).waitFor();
  await until("no banner any more", async () => (await page.locator("#condition *").count()) === 0);
});

on("the stream shows what fits the filters, what was and what comes", async (page) => {
  await atTheOverview(page, gateway);
  await show(page, "events");
  const rows = page.locator("#events details");
  const open = (door, id) => gateway.publish({ type: `${door}.opened`, source: door, id: `${door}-${id}`, data: {}, correlation_id: `walk-${door}`, user_id: `guard-${door}`, user_issuer: "" });
  await Promise.all([open("north", 0), open("south", 0)]);
  const filters = { type: "north.opened", source: "north", user: "guard-north", correlation: "walk-north" };
  for (const [index, [name, value]] of Object.entries(filters).entries()) {
    await page.locator("#events", { hasText: "south" }).waitFor();
    await page.locator(`#filter-${name}`).fill(value);
    await until(`those of ${value} alone`, async () => (await rows.count()) === index + 1);
    await open("south", index + 1);
    await open("north", index + 1);
    await until("what comes and fits", async () => (await rows.count()) === index + 2);
    assert.doesNotMatch(await page.locator("#events").textContent(), /south/);
    await page.locator("#filters [type=reset]").click();
  }
  await page.locator("#filter-type").fill("nothing.of.this");
  await page.locator("#events", { hasText: "None fits these filters" }).waitFor();
});

on("a paused stream counts what it does not show", async (page) => {
  await atTheOverview(page, gateway);
  await show(page, "events");
  await page.locator("#filter-type").fill("lamp.lit");
  await page.locator("#events", { hasText: "None fits these filters" }).waitFor();
  await page.locator("#pause").click();
  await gateway.publish({ type: "lamp.lit", source: "hall", id: "lamp-1", data: { lamp: 1 } });
  await page.locator("#events-state", { hasText: "Paused: 1 new" }).waitFor();
  await page.locator("#pause").click();
  await page.locator('#events [data-type="lamp.lit"] summary').click();
  await page.locator('#events [data-type="lamp.lit"] pre', { hasText: '"lamp": 1' }).waitFor();
});

on("a socket that is lost comes back and goes on where it was", async (page) => {
  let sockets = [];
  await page.routeWebSocket(/realtime\/subscribe/, (socket) => {
    sockets.push({ socket, url: socket.url() });
    socket.connectToServer();
  });
  await atTheOverview(page, gateway);
  await sockets[0].socket.close({ code: 1012 });
  await until("another socket", () => sockets.length > 1);
  await page.locator("#connection[data-state=live]").waitFor();
  assert.match(new URL(sockets[1].url).searchParams.get("cursor"), /^\d+$/);
});

on("who may see less is told what is missing, and nothing breaks", async (page) => {
  await signIn(page, gateway, await gateway.tokenFor("metrics:read"));
  await page.locator('[data-service="regtech"] .badge', { hasText: "Online" }).waitFor();
  await page.locator("#connection[data-state=denied]").waitFor();
  await page.locator("#recent", { hasText: "needs the scope workflows:execute" }).waitFor();
  await page.locator("#latest", { hasText: "needs the scope events:read" }).waitFor();
  await show(page, "events");
  await page.locator("#events", { hasText: "needs the scope events:read" }).waitFor();
  await show(page, "workflows");
  await runTheExample(page);
  await page.locator("#run .notice", { hasText: "needs the scope workflows:execute" }).waitFor();
});

on("who may only follow events sees those", async (page) => {
  await signIn(page, gateway, await gateway.tokenFor("events:read"));
  await page.locator("#services", { hasText: "needs the scope metrics:read" }).waitFor();
  await page.locator("#connection[data-state=live]").waitFor();
  // A round of figures is an event.
  await page.locator('[data-figure="providers_analyzed"] .tile-value').waitFor();
});
