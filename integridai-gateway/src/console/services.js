// The services: how each is, whether it is called, and how it has been.

import { get } from "./api.js";
import { strip } from "./chart.js";
import { badge, find, h, icon, loading, refill, shapeOf } from "./dom.js";
import { particulars, tell } from "./problem.js";
import { clock, count, t, word } from "./text.js";

const PERIOD = 5_000;
const SLOTS = 30;
const KNOWN = ["regtech", "flaisimulator", "dashboard"];

let services = null;
let health = null;
let problem = null;
let timer = 0;
let readings = [];
/** Whose answers count: those of whoever was signed in before do not. */
let turn = 0;

/** Asks now and every few seconds, as long as somebody looks. */
export function startServices() {
  render();
  void again();
}

export function stopServices() {
  clearTimeout(timer);
  turn += 1;
  [services, health, problem, readings] = [null, null, null, []];
}

async function again() {
  const mine = turn;
  if (document.visibilityState === "visible") await askServices();
  if (mine !== turn) return;
  clearTimeout(timer);
  timer = setTimeout(again, PERIOD);
}

export async function askServices() {
  const mine = turn;
  const mayNot = problem?.isForbidden;
  const [list, how] = await Promise.allSettled([mayNot ? Promise.reject(problem) : get("/api/v1/services"), get("/api/v1/health")]);
  if (mine !== turn) return;
  problem = list.status === "rejected" ? list.reason : null;
  if (list.status === "fulfilled") services = list.value.services;
  if (how.status === "fulfilled") health = how.value;
  render();
}

/** What a round of figures found, oldest first. */
export function takeReadings(rounds) {
  readings = rounds.map((round) => round.system_health).slice(-SLOTS);
  const latest = readings.at(-1);
  for (const service of services ?? []) service.status = latest[`${service.service}_status`] ?? service.status;
  render();
}

export function render() {
  renderCondition();
  const root = find("#services");
  if (services) root.replaceChildren(...inOrder(services).map(card));
  else if (problem) root.replaceChildren(refused());
  else root.replaceChildren(...KNOWN.map(() => h("div", { class: "card" }, loading(4))));
  if (health) find("#version").textContent = t("page.version", { version: health.version });
}

function refused() {
  return h("p", { class: "notice" }, tell(problem, "metrics:read"));
}

function inOrder(list) {
  const place = ({ service }) => (KNOWN.includes(service) ? KNOWN.indexOf(service) : KNOWN.length);
  return [...list].sort((one, other) => place(one) - place(other));
}

function card({ service, status, circuit, calls, replicas }) {
  const name = word(`service.${service}`, service);
  const told = status ?? "unknown";
  return h(
    "article",
    { class: `card service ${shapeOf(told).tone}`, "data-service": service, "aria-label": name },
    h("div", { class: "card-head" }, h("h3", {}, name), badge(told, t(`status.${told}`))),
    h("p", { class: "hint" }, word(`service.${service}.what`, t("service.other"))),
    history(service),
    h(
      "dl",
      { class: "pairs" },
      pair(t("services.circuit"), circuitOf(circuit)),
      pair(t("services.calls"), t("services.of", { some: count(calls.in_flight), all: count(calls.limit) })),
      pair(t("services.failures"), count(circuit.consecutive_failures)),
      pair(t("services.refused"), count(circuit.refused)),
      replicas ? pair(t("services.replicas"), t("services.of", { some: count(replicas.available), all: count(replicas.total) })) : null,
    ),
  );
}

function pair(name, value) {
  return h("div", {}, h("dt", {}, name), h("dd", {}, value));
}

function circuitOf({ state, since }) {
  const { shape, tone } = shapeOf(state);
  const changed = since ? t("services.since", { time: clock(since) }) : null;
  return [h("span", { class: `plain ${tone}` }, icon(shape), t(`circuit.${state}`)), changed ? h("span", { class: "hint since" }, changed) : null];
}

/** How it was at the last rounds of figures. */
function history(service) {
  const states = readings.map((reading) => reading[`${service}_status`]).filter(Boolean);
  if (states.length === 0) return null;
  const well = states.filter((state) => state === "online").length;
  return h(
    "figure",
    { class: "history" },
    strip(states, SLOTS, t("services.history", { well, all: states.length })),
    h("figcaption", { class: "hint", "aria-hidden": "true" }, t("services.history", { well, all: states.length })),
  );
}

/** A banner, while something is not as it should be. */
function renderCondition() {
  const root = find("#condition");
  if (!health || health.status === "healthy") return root.replaceChildren();
  const reasons = Object.entries(health.reasons ?? {}).flatMap(([check, reason]) =>
    check === "external_services" ? reason.split("; ").map(ofService) : [ofCheck(check, reason)]);
  refill(
    root,
    h("section", { class: "banner warn", "aria-label": t("condition.title") }, icon("degraded"), h("div", {}, h("p", { class: "strong" }, t("condition.title")), h("ul", {}, reasons))),
  );
}

/** "regtech cannot be connected to", in the reader's language where it has words for it. */
function ofService(reason) {
  const [service, ...rest] = reason.split(" ");
  const said = rest.join(" ");
  return h("li", {}, `${word(`service.${service}`, service)} `, word(`reason.${said}`, said));
}

function ofCheck(check, reason) {
  return h("li", {}, `${word(`check.${check}`, check)}: `, h("span", { lang: "en" }, reason));
}

/** A problem as a paragraph, the gateway's own words beneath. */
export function problemNote(problem, scope) {
  const more = particulars(problem);
  return h(
    "div",
    { class: "notice bad" },
    h("p", { class: "strong" }, tell(problem, scope)),
    more?.detail ? h("p", { lang: "en" }, more.detail) : null,
    more?.id ? h("p", { class: "hint" }, more.id) : null,
  );
}
