// Pictures of the console, to be looked at: node screenshots.mjs FOLDER

import { mkdirSync } from "node:fs";

import { atTheOverview, launch, show, until, withPage } from "./browser.mjs";
import { Gateway } from "./gateway.mjs";

const folder = process.argv[2] ?? "screenshots";
mkdirSync(folder, { recursive: true });
const gateway = await Gateway.start();
const browser = await launch();

async function shoot(page, name, fullPage = true) {
  await page.screenshot({ path: `${folder}/${name}.png`, fullPage });
}

async function views(page, name) {
  await page.goto(gateway.console);
  await page.locator("#credential").waitFor();
  await shoot(page, `${name}-sign-in`);
  await atTheOverview(page, gateway);
  await show(page, "workflows");
  await page.locator("#run-example").click();
  await page.locator("#run-submit").click();
  await page.locator("#follow .outcome").waitFor();
  await shoot(page, `${name}-workflows`);
  await page.locator("#run-cuit").fill("30-1");
  await page.locator("#run-submit").click();
  await page.locator("#run [aria-invalid=true]").waitFor();
  await shoot(page, `${name}-wrong`);
  await show(page, "events");
  await page.locator("#pause").click();
  await page.locator('#events [data-type="analysis_complete"] summary').first().click();
  await shoot(page, `${name}-events`, false);
  await show(page, "overview");
  const rounds = () => page.locator('[data-figure="providers_analyzed"] svg').getAttribute("aria-label");
  await until("a course of figures", async () => Number(/last (\d+)|últimas (\d+)/.exec(await rounds())?.slice(1).find(Boolean)) >= 25);
  await shoot(page, `${name}-overview`);
}

const SIZES = [["wide", 1280, 900], ["narrow", 390, 844]];
for (const [size, width, height] of SIZES) {
  for (const colorScheme of ["light", "dark"]) {
    const locale = size === "narrow" && colorScheme === "dark" ? "es-AR" : "en-GB";
    await withPage(browser, gateway.origin, { viewport: { width, height }, colorScheme, locale }, (page) => views(page, `${size}-${colorScheme}`));
  }
}
/** Runs what the form has been filled in with, to its end. */
async function run(page, workflow, fields, end = "succeeded") {
  await page.locator(`#run [value=${workflow}]`).check();
  for (const [name, value] of Object.entries(fields)) await page.locator(`#run-${name}`).fill(value);
  await page.locator("#run-submit").click();
  await page.locator(`#follow-status[data-status=${end}]`).waitFor();
  await page.locator(`#follow h3`).waitFor();
}

// The one for the README: a day on which not everything went well.
await withPage(browser, gateway.origin, { viewport: { width: 1280, height: 900 } }, async (page) => {
  await atTheOverview(page, gateway);
  await show(page, "workflows");
  await run(page, "complete_analysis", { name: "Aguas del Sur SA", cuit: "30-70812345-1", sector: "energia" });
  await run(page, "training_sync", { training_session: "demo-session" });
  await run(page, "training_sync", { training_session: "of-yesterday" }, "failed");
  await run(page, "complete_analysis", { name: "Banco Norte", cuit: "30-50001091-2", sector: "finanzas" });
  await gateway.control("FLAISimulator", { mode: "error", status: 500, times: 4 });
  await page.locator("#latest", { hasText: "FLAISimulator: Degraded" }).waitFor({ state: "attached" });
  await run(page, "complete_analysis", { name: "Clínica Modelo", cuit: "30-12345678-9", sector: "salud" });
  await show(page, "overview");
  await page.locator('[data-service="flaisimulator"] .badge', { hasText: "Online" }).waitFor();
  await shoot(page, "readme");
});
await gateway.control("FLAISimulator", { mode: "reset" });
await withPage(browser, gateway.origin, {}, async (page) => {
  await atTheOverview(page, gateway);
  await page.locator('[data-service="flaisimulator"] .badge', { hasText: "Offline" }).waitFor();
  await page.locator("#condition *").first().waitFor();
  await shoot(page, "wide-light-offline");
});
await browser.close();
await gateway.stop();
