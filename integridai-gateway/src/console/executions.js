// The list of executions: those of whoever asks; of an administrator, everybody's.

import { get } from "./api.js";
import { badge, empty, find, h, loading, refill } from "./dom.js";
import { problemNote } from "./services.js";
import { clock, duration, t, word } from "./text.js";

const SHOWN = 20;
const AT_A_GLANCE = 5;
const PERIOD = 15_000;

let executions = null;
let problem = null;
let chosen = null;
let timer = 0;
let turn = 0;
let onChosen = () => {};

/** `follow` is told the id of the one that somebody chooses. */
export function startExecutions(follow) {
  onChosen = follow;
  render();
  return again();
}

export function stopExecutions() {
  clearTimeout(timer);
  turn += 1;
  [executions, problem, chosen] = [null, null, null];
}

async function again() {
  const mine = turn;
  if (document.visibilityState === "visible") await askExecutions();
  if (mine !== turn) return;
  clearTimeout(timer);
  timer = setTimeout(again, PERIOD);
}

export async function askExecutions() {
  if (problem?.isForbidden) return;
  const mine = turn;
  const [found] = await Promise.allSettled([get(`/api/v1/gateway/executions?limit=${SHOWN}`)]);
  if (mine !== turn) return;
  if (found.status === "fulfilled") [executions, problem] = [found.value.executions, null];
  else problem = found.reason;
  render();
}

/** The one that is shown beside the list. */
export function markChosen(id) {
  chosen = id;
  render();
}

export function render() {
  fill(find("#executions"), SHOWN);
  fill(find("#recent"), AT_A_GLANCE);
}

function fill(root, most) {
  if (!executions && problem) return refill(root, problemNote(problem, "workflows:execute"));
  if (!executions) return refill(root, loading(most > 5 ? 6 : 3));
  if (executions.length === 0) return refill(root, empty(t("executions.none"), t("executions.none_yet")));
  return refill(root, h("ul", { class: "rows" }, executions.slice(0, most).map((execution) => h("li", {}, row(execution, root.id)))));
}

function row(execution, list) {
  const { workflow_id: id, workflow, status, created_at: created, started_at: started, finished_at: finished, user_id: user } = execution;
  const took = finished && started ? duration(new Date(finished) - new Date(started)) : "";
  return h(
    "button",
    { type: "button", class: "row", "data-key": `${list}-${id}`, "data-execution": id, "aria-current": list === "executions" && id === chosen ? "true" : null, onclick: () => onChosen(id) },
    h("span", { class: "row-main" }, h("span", { class: "strong" }, word(`workflow.${workflow}`, workflow)), h("span", { class: "hint" }, [clock(created), user].filter(Boolean).join(" · "))),
    h("span", { class: "row-figure" }, took),
    badge(status, t(`state.${status}`)),
  );
}
