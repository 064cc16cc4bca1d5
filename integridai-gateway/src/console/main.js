// The console: signing in, the views, and what is told to whom.

import { ask, isSendable, present, session } from "./api.js";
import { appearance, startAppearance } from "./appearance.js";
import { announce, find, whilePressed } from "./dom.js";
import * as events from "./events.js";
import * as executions from "./executions.js";
import * as figures from "./figures.js";
import * as follow from "./follow.js";
import { Live } from "./live.js";
import { tell } from "./problem.js";
import * as run from "./run.js";
import * as services from "./services.js";
import { t } from "./text.js";

const VIEWS = ["overview", "workflows", "events"];
/** How often figures are asked for where nobody tells of them. */
const WITHOUT_EVENTS = 30_000;

let live = null;
let timer = 0;
let isIn = false;
/** Where the gateway asks nobody who they are, there is nothing to sign in with. */
let isOpen = false;
/** The key of what is wrong with what was typed in, or a problem. */
let refusal = null;

async function begin() {
  startAppearance();
  wire();
  const health = await ask("/api/v1/health").catch(() => null);
  isOpen = health?.content.checks.auth === "not_configured";
  if (isOpen) enter();
  else showSignIn();
}

function wire() {
  find("#sign-in").addEventListener("submit", (event) => {
    event.preventDefault();
    void whilePressed(find("#sign-in [type=submit]"), signIn);
  });
  find("#reveal").addEventListener("click", reveal);
  find("#sign-out").addEventListener("click", () => leave(null));
  find("#gather").addEventListener("click", ({ currentTarget }) => whilePressed(currentTarget, gather));
  session.addEventListener("refused", () => isIn && leave("sign_in.ended"));
  appearance.addEventListener("language", renderAll);
  addEventListener("hashchange", () => showView(true));
  events.wireEvents();
  run.startRun((location) => isIn && track(location.split("/").at(-1)));
}

async function signIn() {
  const text = find("#credential").value.trim();
  refusal = text === "" ? "sign_in.empty" : isSendable(text) ? null : "sign_in.unsendable";
  if (refusal) return showRefusal();
  present(text);
  try {
    await ask("/api/v1/services");
  } catch (problem) {
    if (!problem.isForbidden) {
      present(null);
      refusal = problem;
      return showRefusal();
    }
  }
  find("#credential").value = "";
  return enter();
}

function showRefusal() {
  renderRefusal();
  find("#credential").focus();
}

function renderRefusal() {
  const isWrong = refusal?.status === 401;
  find("#credential-error").textContent = !refusal ? "" : typeof refusal === "string" ? t(refusal) : isWrong ? t("sign_in.wrong") : tell(refusal);
  find("#credential").setAttribute("aria-invalid", String(refusal !== null));
}

function reveal() {
  const input = find("#credential");
  input.type = input.type === "password" ? "text" : "password";
  renderReveal();
}

function renderReveal() {
  const isShown = find("#credential").type === "text";
  find("#reveal").setAttribute("aria-pressed", String(isShown));
  find("#reveal").textContent = isShown ? t("sign_in.hide") : t("sign_in.show");
}

function showSignIn() {
  for (const view of VIEWS) find(`#view-${view}`).hidden = true;
  for (const part of ["#views", "#connection", "#sign-out"]) find(part).hidden = true;
  find("#view-sign-in").hidden = false;
  renderReveal();
  renderRefusal();
  find("#credential").focus();
}

function enter() {
  isIn = true;
  refusal = null;
  find("#view-sign-in").hidden = true;
  find("#credential").type = "password";
  for (const part of ["#views", "#connection"]) find(part).hidden = false;
  find("#sign-out").hidden = isOpen;
  run.render();
  follow.startFollow(executions.askExecutions, (correlation) => {
    events.filterBy("correlation_id", correlation);
    location.hash = "#events";
  });
  services.startServices();
  void executions.startExecutions(track);
  showView(true);
  void begins();
}

/** First what was, then what happens from there on. */
async function begins() {
  const listener = new Live();
  live = listener;
  listener.addEventListener("state", renderConnection);
  listener.addEventListener("event", ({ detail }) => take(detail));
  renderConnection();
  const [rounds, { isAllowed, newest }] = await Promise.all([figures.startFigures(), events.startEvents()]);
  if (live !== listener) return;
  if (rounds.length > 0) services.takeReadings(rounds);
  if (!isAllowed) return deny(listener);
  await listener.start(newest);
  if (listener.state === "denied") deny(listener);
}

/** Without events, figures are asked for. */
function deny(listener) {
  listener.state = "denied";
  renderConnection();
  timer = setInterval(figures.askFigures, WITHOUT_EVENTS);
}

function take(event) {
  if (event.type === "metrics_update") services.takeReadings(figures.takeRound(event.data));
  if (event.type === "system_alert") void services.askServices();
  if (event.type === "analysis_complete" || event.type === "training_progress") void executions.askExecutions();
  events.takeEvent(event);
  follow.takeEvent(event);
}

/** `reason` is the key of why, where it was not asked for. */
function leave(reason) {
  isIn = false;
  live?.stop();
  live = null;
  clearInterval(timer);
  present(null);
  for (const part of [services, figures, executions, follow, events, run]) {
    const stop = Object.entries(part).find(([name]) => name.startsWith("stop"));
    stop?.[1]();
  }
  for (const kept of ["#services", "#figures", "#recent", "#latest", "#executions", "#follow", "#events", "#condition"]) find(kept).replaceChildren();
  refusal = reason;
  showSignIn();
}

function track(id) {
  if (location.hash !== "#workflows") location.hash = "#workflows";
  executions.markChosen(id);
  void follow.follow(id).then(executions.askExecutions);
  find("#follow-title").scrollIntoView({ block: "nearest" });
}

/** Has the services asked for their figures now; they come as an event. */
async function gather() {
  try {
    await ask("/api/v1/gateway/execute", { method: "POST", body: { workflow: "metrics_update" } });
    announce(t("overview.gathering"));
    if (live?.state !== "live") await figures.askFigures();
    find("#gather-error")?.remove();
  } catch (problem) {
    find("#condition").after(errorLine(tell(problem, "workflows:execute")));
  }
}

function errorLine(text) {
  find("#gather-error")?.remove();
  const paragraph = document.createElement("p");
  Object.assign(paragraph, { id: "gather-error", className: "notice", role: "alert", textContent: text });
  return paragraph;
}

function showView(isMoved) {
  if (!isIn) return;
  const wanted = location.hash.slice(1);
  const chosen = VIEWS.includes(wanted) ? wanted : VIEWS[0];
  for (const view of VIEWS) {
    find(`#view-${view}`).hidden = view !== chosen;
    const link = find(`#views a[href="#${view}"]`);
    if (view === chosen) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${t(`${chosen}.title`)} · IntegridAI Console`;
  if (isMoved) find(`#${chosen}-title`).focus();
}

function renderConnection() {
  const state = live?.state ?? "connecting";
  const element = find("#connection");
  element.dataset.state = state;
  element.textContent = t(`connection.${state}`);
}

function renderAll() {
  renderReveal();
  renderRefusal();
  if (!isIn) return;
  for (const part of [services, figures, executions, follow, events, run]) part.render();
  renderConnection();
  showView(false);
}

void begin();
