// The form that runs a workflow.

import { ask, newKey } from "./api.js";
import { check, requestOf, sorted } from "./check.js";
import { announce, find, h, whilePressed } from "./dom.js";
import { problemNote } from "./services.js";
import { t } from "./text.js";

const WORKFLOWS = ["complete_analysis", "training_sync", "metrics_update"];

/** The provider of the published example, and the session that the demonstration has. */
const EXAMPLES = {
  complete_analysis: { name: "Acme SA", cuit: "30-12345678-9", sector: "tecnologia" },
  training_sync: { training_session: "demo-session" },
};

const FIELDS = {
  complete_analysis: ["name", "cuit", "sector", "user_id"],
  training_sync: ["training_session", "user_id"],
  metrics_update: [],
};

const OPTIONAL = ["user_id", "timeout"];
const NUMERIC = ["cuit", "timeout"];

let workflow = WORKFLOWS[0];
let values = { priority: "normal" };
/** Names what is asked for, so that it is done once however often it is sent. */
let key = newKey();
/** The field and what is wrong with it: a key of a text, or the gateway's own words. */
let wrong = {};
let refusal = null;
let onAccepted = () => {};

/** `accepted` is told where the new execution is. */
export function startRun(accepted) {
  onAccepted = accepted;
  const form = find("#run");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void whilePressed(find("#run-submit"), submit);
  });
  form.addEventListener("input", ({ target }) => {
    if (!target.name) return;
    if (target.name === "workflow") choose(target.value);
    else values[target.name] = target.value;
    key = newKey();
  });
}

export function stopRun() {
  [workflow, values, wrong, refusal] = [WORKFLOWS[0], { priority: "normal" }, {}, null];
  render();
}

function choose(name) {
  [workflow, wrong, refusal] = [name, {}, null];
  render();
  find(`#run [name=workflow][value=${name}]`).focus();
}

async function submit() {
  wrong = Object.fromEntries(Object.entries(check(workflow, values)).map(([name, text]) => [name, { text }]));
  refusal = null;
  if (Object.keys(wrong).length > 0) return showWrong();
  try {
    const answer = await ask("/api/v1/gateway/execute", { method: "POST", body: requestOf(workflow, values), head: { "idempotency-key": key } });
    key = newKey();
    render();
    announce(t("run.accepted"));
    onAccepted(answer.headers.get("location") ?? answer.content.location);
  } catch (problem) {
    const { fields, others } = sorted(problem.errors ?? [], [...FIELDS[workflow], "priority", "timeout"]);
    wrong = Object.fromEntries(Object.entries(fields).map(([name, words]) => [name, { words }]));
    const isAllAtFields = Object.keys(wrong).length > 0 && others.length === 0;
    refusal = isAllAtFields ? null : problem;
    // What was not even answered may have been accepted: the same key asks for the same again.
    if (problem.status !== 0) key = newKey();
    showWrong();
  }
  return undefined;
}

/** The first field that is wrong gets the focus; its words are read with it. */
function showWrong() {
  render();
  find("#run [aria-invalid=true]")?.focus();
  announce(t("run.wrong"));
}

export function render() {
  const fields = FIELDS[workflow];
  find("#run").replaceChildren(
    chooser(),
    h("p", { class: "hint" }, t(`workflow.${workflow}.what`)),
    ...fields.map(field),
    h("div", { class: "two" }, prioritySelect(), field("timeout")),
    h("div", { role: "alert" }, refusal ? problemNote(refusal, "workflows:execute") : null),
    h(
      "div",
      { class: "actions" },
      h("button", { id: "run-submit", class: "primary", type: "submit" }, t("run.submit")),
      EXAMPLES[workflow] ? h("button", { id: "run-example", class: "secondary", type: "button", onclick: fill }, t("run.example")) : null,
    ),
  );
}

function chooser() {
  const choices = WORKFLOWS.map((name) =>
    h("label", { class: "choice" }, h("input", { type: "radio", name: "workflow", value: name, checked: name === workflow }), h("span", {}, t(`workflow.${name}`))));
  return h("fieldset", { class: "choices" }, h("legend", {}, t("run.workflow")), choices);
}

function field(name) {
  const id = `run-${name}`;
  const told = wrong[name];
  const isOptional = OPTIONAL.includes(name);
  const input = h("input", {
    id, name, value: values[name] ?? "", "aria-invalid": told ? "true" : null, "aria-describedby": `${id}-hint ${id}-error`,
    "aria-required": isOptional ? null : "true", inputmode: NUMERIC.includes(name) ? "decimal" : null, spellcheck: "false", maxlength: 255,
  });
  return h(
    "div",
    { class: "field" },
    h("label", { for: id }, t(`field.${name}`), isOptional ? h("span", { class: "hint" }, ` ${t("run.optional")}`) : null),
    input,
    h("p", { id: `${id}-hint`, class: "hint" }, t(`field.${name}.hint`)),
    h("p", { id: `${id}-error`, class: "field-error" }, errorOf(told)),
  );
}

function errorOf(told) {
  if (!told) return null;
  return told.text ? t(...told.text) : h("span", { lang: "en" }, told.words);
}

function prioritySelect() {
  const options = ["low", "normal", "high"].map((name) => h("option", { value: name, selected: name === values.priority }, t(`priority.${name}`)));
  return h("div", { class: "field" }, h("label", { for: "run-priority" }, t("run.priority")), h("select", { id: "run-priority", name: "priority" }, options));
}

function fill() {
  Object.assign(values, EXAMPLES[workflow]);
  [key, wrong, refusal] = [newKey(), {}, null];
  render();
  find("#run-submit").focus();
}
