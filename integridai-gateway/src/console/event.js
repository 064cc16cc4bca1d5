// An event in words.

import { badge, h } from "./dom.js";
import { clock, count, decimal, t, word } from "./text.js";

const OWN = ["analysis_complete", "metrics_update", "system_alert", "training_progress"];

/** What happened, in a sentence. What a service says in its own words stays as it is. */
export function sentence({ type, data, source }) {
  if (!OWN.includes(type) || data === null || typeof data !== "object") return t("event.other", { source });
  return SENTENCES[type](data);
}

const SENTENCES = {
  analysis_complete: ({ provider, score, risk_level: risk }) =>
    t("event.analysis_complete", {
      provider,
      score: Number.isFinite(score) ? decimal(score) : "–",
      risk: risk ? word(`risk.${risk}`, risk) : "–",
    }),
  metrics_update: ({ system_health: health, performance_metrics: performance }) =>
    t("event.metrics_update", {
      online: Object.values(health ?? {}).filter((status) => status === "online").length,
      all: Object.keys(health ?? {}).length,
      rate: decimal(performance?.requests_per_minute ?? 0),
    }),
  training_progress: ({ session, user_id: user }) =>
    t("event.training_progress", { session: session?.session_id ?? "–", user: user ?? session?.user_id ?? "–" }),
  system_alert: ({ code, service, message, gap }) => {
    const status = code === "service_status_changed" ? /^\S+ is (\w+)/.exec(message)?.[1] : null;
    if (status) return t("event.status", { service: word(`service.${service}`, service), status: t(`status.${status}`) });
    if (gap) return t("event.missed", { count: count(gap.count ?? 0) });
    return message;
  },
};

function stateOf({ type, data }) {
  if (type === "system_alert") return data?.severity ?? "info";
  if (type === "analysis_complete") return data?.risk_level ?? "info";
  if (type === "training_progress") return "succeeded";
  return "info";
}

/** A line. */
export function line(event) {
  return [
    h("span", { class: "event-time" }, clock(event.timestamp)),
    badge(stateOf(event), word(`type.${event.type}`, event.type)),
    h("span", { class: "event-text" }, sentence(event)),
    h("span", { class: "event-source hint" }, event.source),
  ];
}

/** A line that opens. `only` is asked to show those of the same correlation id alone. */
export function entry(event, only) {
  const details = h("details", { class: "event", "data-event": event.id, "data-type": event.type }, h("summary", {}, line(event)));
  details.addEventListener("toggle", () => {
    if (details.open && details.childElementCount === 1) details.append(particulars(event, only));
  });
  return details;
}

function particulars(event, only) {
  const { correlation_id: correlation, user_id: user, event_id: eventId } = event;
  const rows = [["event.id", event.id], ["event.cursor", event.cursor], ["event.event_id", eventId], ["events.user", user], ["events.correlation", correlation]];
  return h(
    "div",
    { class: "event-body" },
    h("dl", { class: "pairs" }, rows.filter(([, value]) => value !== undefined && value !== null).map(([name, value]) => h("div", {}, h("dt", {}, t(name)), h("dd", { class: "mono" }, String(value))))),
    h("pre", {}, h("code", {}, JSON.stringify(event.data, null, 2))),
    correlation ? h("div", { class: "actions" }, h("button", { type: "button", class: "secondary", onclick: () => only(correlation) }, t("event.only"))) : null,
  );
}
