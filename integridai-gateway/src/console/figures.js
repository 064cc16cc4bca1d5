// The figures of the last round, each with how it went before.

import { get } from "./api.js";
import { sparkline } from "./chart.js";
import { find, h, loading } from "./dom.js";
import { tell } from "./problem.js";
import { clock, count, decimal, duration, t, word } from "./text.js";

const KEPT = 60;

const percent = (value) => `${decimal(value)} %`;

const GROUPS = [
  ["figures.business", "business_metrics", [
    ["providers_analyzed", count, "regtech"],
    ["avg_compliance_score", decimal, "regtech", 100],
    ["active_simulations", count, "flaisimulator"],
    ["total_users", count, "flaisimulator"],
    ["training_effectiveness", percent, "flaisimulator"],
  ]],
  ["figures.gateway", "performance_metrics", [
    ["requests_per_minute", decimal],
    ["avg_response_time_ms", duration],
    ["p95_response_time_ms", duration],
    ["error_rate_percent", percent],
  ]],
];

let rounds = [];
let problem = null;
let turn = 0;

/** Asks for the last round, and for those before it, which the log of events has. Gives all that are known. */
export async function startFigures() {
  render();
  const mine = turn;
  const [now, log] = await Promise.allSettled([
    get("/api/v1/metrics/consolidated"),
    get(`/api/v1/events?type=metrics_update&source=gateway&order=desc&limit=${KEPT}`),
  ]);
  if (mine !== turn) return [];
  problem = now.status === "rejected" ? now.reason : null;
  const before = log.status === "fulfilled" ? log.value.events.map((event) => event.data) : [];
  for (const round of before.reverse()) add(round);
  if (now.status === "fulfilled") add(now.value);
  render();
  return rounds;
}

/** Asks for the last round alone. */
export async function askFigures() {
  if (problem?.isForbidden) return;
  const mine = turn;
  const [now] = await Promise.allSettled([get("/api/v1/metrics/consolidated")]);
  if (mine !== turn) return;
  if (now.status === "fulfilled") takeRound(now.value);
  else problem = now.reason;
  render();
}

export function stopFigures() {
  turn += 1;
  [rounds, problem] = [[], null];
}

/** A round that has just been made. Gives all that are known. */
export function takeRound(round) {
  add(round);
  problem = null;
  render();
  return rounds;
}

/** They come from the log, the socket and the cache: each counts once, in the order in which it was made. */
function add(round) {
  if (!round?.system_health || rounds.some((known) => known.timestamp === round.timestamp)) return;
  rounds = [...rounds, round].sort((one, other) => (one.timestamp < other.timestamp ? -1 : 1)).slice(-KEPT);
}

export function render() {
  const root = find("#figures");
  const latest = rounds.at(-1);
  find("#as-of").textContent = latest ? t("overview.as_of", { time: clock(latest.timestamp) }) : "";
  if (!latest && problem) return root.replaceChildren(h("p", { class: "notice" }, tell(problem, "metrics:read")));
  if (!latest) return root.replaceChildren(h("div", { class: "tiles" }, Array.from({ length: 5 }, () => h("div", { class: "card tile" }, loading(3)))));
  return root.replaceChildren(...GROUPS.map((group) => groupOf(group, latest)));
}

function groupOf([title, part, figures], latest) {
  return h("div", { class: "group" }, h("h3", { class: "over" }, t(title)), h("div", { class: "tiles" }, figures.map((figure) => tile(part, figure, latest))));
}

function tile(part, [name, format, service, most], latest) {
  const values = rounds.map((round) => round[part][name]);
  const value = values.at(-1);
  const label = t(`figure.${name}`);
  const range = { label, low: format(Math.min(...values)), high: format(Math.max(...values)), now: format(value), rounds: values.length };
  const stale = latest.stale?.find((figures) => figures.service === service);
  return h(
    "div",
    { class: "card tile", "data-figure": name },
    h("p", { class: "tile-label" }, label),
    h("p", { class: "tile-value" }, format(value), most ? h("span", { class: "of" }, ` / ${most}`) : null),
    sparkline(values, t("figures.range", range), name.endsWith("percent") ? 0 : null),
    h("p", { class: "hint" }, stale ? staleNote(stale) : service ? word(`service.${service}`, service) : t("figures.minute")),
  );
}

function staleNote({ last_success: last }) {
  return last ? t("figures.stale", { time: clock(last) }) : t("figures.never");
}
