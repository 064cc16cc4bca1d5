// One execution, step by step, until it has ended.

import { ask, get } from "./api.js";
import { announce, badge, empty, find, h, icon, loading, refill, shapeOf, whilePressed } from "./dom.js";
import { problemNote } from "./services.js";
import { clock, decimal, duration, t, word } from "./text.js";

const AT_FIRST = 400;
const LATER = 1_500;
const PATIENCE = 15;

let id = null;
let execution = null;
let problem = null;
let analysis = null;
let polls = 0;
let timer = 0;
let onEnd = () => {};
let onEvents = () => {};

/** `ended` is told when what was followed has ended, `events` the correlation id whose events are asked for. */
export function startFollow(ended, events) {
  [onEnd, onEvents] = [ended, events];
  render();
}

export function stopFollow() {
  clearTimeout(timer);
  [id, execution, problem, analysis] = [null, null, null, null];
}

export function follow(workflowId) {
  clearTimeout(timer);
  [id, execution, problem, analysis, polls] = [workflowId, null, null, null, 0];
  render();
  return look();
}

/** Something happened that may have to do with it. */
export function takeEvent(event) {
  if (!id || event.data?.workflow_id !== id) return;
  if (event.type === "analysis_complete") analysis = event.data;
  void look();
}

async function look() {
  clearTimeout(timer);
  const asked = id;
  try {
    const found = await get(`/api/v1/gateway/executions/${encodeURIComponent(asked)}`);
    if (asked !== id) return;
    take(found);
  } catch (caught) {
    if (asked !== id) return;
    problem = caught;
    if (caught.status === 0 || caught.status === 429 || caught.status === 503) timer = setTimeout(look, LATER);
  }
  render();
}

/** The log has the score as all of RegTech's ways of telling it come down to. */
async function askAnalysis({ workflow, workflow_id: whole, correlation_id: correlation }) {
  if (workflow !== "complete_analysis" || !correlation || analysis) return;
  const query = new URLSearchParams({ type: "analysis_complete", correlation_id: correlation, limit: 10 });
  const page = await get(`/api/v1/events?${query}`).catch(() => null);
  const found = page?.events.find((event) => event.data.workflow_id === whole);
  if (found && whole === id) {
    analysis = found.data;
    render();
  }
}

function take(found) {
  const before = execution?.status;
  [execution, problem] = [found, null];
  if (before !== found.status) announce(`${word(`workflow.${found.workflow}`, found.workflow)}: ${t(`state.${found.status}`)}`);
  if (!hasEnded(found)) {
    polls += 1;
    clearTimeout(timer);
    timer = setTimeout(look, polls > PATIENCE ? LATER : AT_FIRST);
    return;
  }
  if (before && before !== found.status) onEnd();
  if (found.status === "succeeded") void askAnalysis(found);
}

function hasEnded({ finished_at: finished }) {
  return finished !== null;
}

export function render() {
  const root = find("#follow");
  if (!id) return refill(root, empty(t("follow.none"), t("follow.none_yet")));
  if (!execution && problem) return refill(root, problemNote(problem, "workflows:execute"));
  if (!execution) return refill(root, loading(4));
  return refill(root, header(), outcome(), timeline(), problem ? problemNote(problem) : null, answer(), actions());
}

function header() {
  const { workflow, status, workflow_id: whole, created_at: created, attempts } = execution;
  return h(
    "div",
    { class: "card-head" },
    h("div", {}, h("h3", {}, word(`workflow.${workflow}`, workflow)), h("p", { class: "hint" }, t("follow.accepted", { time: clock(created) }), attempts > 1 ? ` · ${t("follow.attempts", { attempts })}` : null), h("p", { class: "hint mono" }, whole)),
    h("span", { id: "follow-status", "data-status": status }, badge(status, t(`state.${status}`))),
  );
}

/** What came of it, in a line. */
function outcome() {
  const { error } = execution;
  if (error) return h("div", { class: "notice bad" }, h("p", { lang: "en" }, error.detail ?? JSON.stringify(error)));
  if (!Number.isFinite(analysis?.score)) return null;
  const { score, risk_level: risk, score_basis: basis } = analysis;
  return h(
    "p",
    { class: "outcome" },
    h("span", { class: "outcome-score" }, decimal(score)),
    h("span", { class: "of" }, ` / 100 ${t(`basis.${basis}`)}`),
    risk ? badge(risk, word(`risk.${risk}`, risk)) : null,
  );
}

/** Each step from when to when, on one scale. */
function timeline() {
  const begin = new Date(execution.created_at).getTime();
  const started = execution.started_at ? new Date(execution.started_at).getTime() : null;
  const end = hasEnded(execution) ? new Date(execution.finished_at).getTime() : Date.now();
  const steps = execution.steps.map((step) => {
    const from = new Date(step.started_at).getTime();
    return { state: step.status, name: word(`step.${step.name}`, step.name), from, to: from + step.duration_ms, took: step.duration_ms, tries: step.tries, error: step.error };
  });
  const lastEnd = Math.max(begin, started ?? begin, ...steps.map((step) => step.to));
  const scale = { begin, length: Math.max(end, lastEnd) - begin || 1 };
  const waited = { state: started ? "succeeded" : "queued", name: t("step.queue"), from: begin, to: started ?? end, took: (started ?? end) - begin };
  const now = execution.status === "running" ? [{ state: "running", name: t("step.now"), from: lastEnd, to: end, took: null }] : [];
  return h("ol", { class: "timeline", "aria-label": t("follow.steps") }, [waited, ...steps, ...now].map((step) => stepOf(step, scale)));
}

function stepOf({ state, name, from, to, took, tries, error }, { begin, length }) {
  const { shape, tone } = shapeOf(state);
  const fill = h("span", { class: "fill" });
  const start = Math.min(Math.max((from - begin) / length, 0), 0.99);
  fill.style.setProperty("--from", start);
  fill.style.setProperty("--length", Math.min(Math.max((to - from) / length, 0.01), 1 - start));
  return h(
    "li",
    { class: `step ${tone}` },
    h("span", { class: "step-name" }, icon(shape), name, h("span", { class: "unseen" }, ` ${t(`state.${state}`)}`), tries > 1 ? h("span", { class: "hint" }, ` ${t("follow.tries", { tries })}`) : null),
    h("span", { class: "step-took" }, took === null ? "…" : duration(Math.max(took, 0))),
    h("span", { class: "track", "aria-hidden": "true" }, fill),
    error ? h("p", { class: "step-error", lang: "en" }, error) : null,
  );
}

/** What it gave, as it is. */
function answer() {
  if (!execution.result) return null;
  const isOpen = find("#follow-answer")?.open ?? false;
  return h("details", { id: "follow-answer", class: "raw", open: isOpen }, h("summary", { "data-key": "answer" }, t("follow.answer")), h("pre", {}, h("code", {}, JSON.stringify(execution.result, null, 2))));
}

function actions() {
  const { status, correlation_id: correlation } = execution;
  const path = `/api/v1/gateway/executions/${id}`;
  return h(
    "div",
    { class: "actions" },
    status === "queued" || status === "running" ? command("cancel", { path, method: "DELETE" }) : null,
    status === "dead" ? command("replay", { path: `${path}/replay`, method: "POST" }) : null,
    correlation ? h("button", { type: "button", class: "secondary", "data-key": "its-events", onclick: () => onEvents(correlation) }, t("follow.events")) : null,
  );
}

function command(name, { path, method }) {
  const press = ({ currentTarget }) =>
    whilePressed(currentTarget, async () => {
      try {
        await ask(path, { method });
        await look();
      } catch (caught) {
        problem = caught;
        render();
      }
    });
  return h("button", { type: "button", class: "secondary", "data-key": name, onclick: press }, t(`follow.${name}`));
}
