// The stream of events: what was, from the log, and what happens, from the socket.

import { get } from "./api.js";
import { empty, find, h, loading, refill } from "./dom.js";
import { entry, line } from "./event.js";
import { problemNote } from "./services.js";
import { count, t } from "./text.js";

const PAGE = 50;
const KEPT = 500;
const AT_A_GLANCE = 6;
const NAMES = ["type", "source", "user_id", "correlation_id"];
const TYPING = 300;

let shown = [];
let latest = null;
let problem = null;
let next = null;
let isPaused = false;
let waiting = 0;
let asked = 0;
let timer = 0;
/** How often it was begun: what was asked for by whoever was signed in before does not count. */
let begun = 0;

export function wireEvents() {
  const form = find("#filters");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => soon(load));
  form.addEventListener("reset", () => soon(load));
  find("#pause").addEventListener("click", () => pause(!isPaused));
  find("#older").addEventListener("click", older);
}

/** Gives whether the log may be read, and the place in it after which what happens is new, if that is known. */
export async function startEvents() {
  find("#filters").reset();
  clearTimeout(timer);
  pause(false);
  latest = null;
  renderLatest();
  await Promise.all([load(), loadLatest()]);
  return { isAllowed: !problem?.isForbidden, newest: problem ? null : (shown[0]?.cursor ?? null) };
}

export function stopEvents() {
  clearTimeout(timer);
  [asked, begun] = [asked + 1, begun + 1];
  [shown, latest, problem, next, waiting] = [[], null, null, null, 0];
}

function filters() {
  const form = new FormData(find("#filters"));
  return NAMES.map((name) => [name, form.get(name).trim()]).filter(([, value]) => value !== "");
}

export function filterBy(name, value) {
  find("#filters").reset();
  find("#filters").elements[name].value = value;
  clearTimeout(timer);
  void load();
}

/** Once nobody types any more. */
function soon(work) {
  clearTimeout(timer);
  timer = setTimeout(work, TYPING);
}

function query(more) {
  return `/api/v1/events?${new URLSearchParams([...filters(), ...more])}`;
}

async function load() {
  const turn = (asked += 1);
  find("#events").setAttribute("aria-busy", "true");
  if (shown.length === 0) refill(find("#events"), loading(6));
  try {
    const page = await get(query([["order", "desc"], ["limit", PAGE]]));
    if (turn !== asked) return;
    [shown, next, problem, waiting] = [page.events, page.next_cursor, null, 0];
  } catch (caught) {
    if (turn !== asked) return;
    [shown, next, problem] = [[], null, caught];
  }
  render();
}

async function older() {
  const turn = asked;
  const page = await get(query([["order", "desc"], ["limit", PAGE], ["cursor", next]])).catch((caught) => caught);
  if (turn !== asked) return;
  if (page instanceof Error) find("#events").append(problemNote(page, "events:read"));
  else {
    shown.push(...page.events);
    next = page.next_cursor;
    render();
  }
}

/** The last few that are no figures, for the overview. */
async function loadLatest() {
  const mine = begun;
  const page = await get(`/api/v1/events?type=analysis_complete,training_progress,system_alert&order=desc&limit=${AT_A_GLANCE}`).catch(() => null);
  if (mine !== begun) return;
  latest = page?.events ?? [];
  renderLatest();
}

/** Something happened. */
export function takeEvent(event) {
  if (event.type !== "metrics_update" && latest && !isKnown(latest, event)) {
    latest = [event, ...latest].slice(0, AT_A_GLANCE);
    renderLatest();
  }
  if (problem || isKnown(shown, event) || !fits(event)) return;
  if (isPaused) {
    waiting += 1;
    renderState();
  } else if (filters().some(([name]) => name === "user_id")) soon(load);
  else prepend(event);
}

function isKnown(events, { id }) {
  return events.some((known) => known.id === id);
}

/** Whose it is, only the log tells. */
function fits(event) {
  return filters().every(([name, value]) => {
    if (name === "user_id") return true;
    return name === "type" ? value.split(",").includes(event.type) : event[name] === value;
  });
}

function prepend(event) {
  shown.unshift(event);
  const list = find("#events ul");
  if (!list) return render();
  list.prepend(item(event));
  while (shown.length > KEPT) {
    shown.pop();
    list.lastElementChild.remove();
  }
  return renderState();
}

function pause(paused) {
  isPaused = paused;
  const button = find("#pause");
  button.setAttribute("aria-pressed", String(paused));
  if (!paused && waiting > 0) void load();
  renderState();
}

export function render() {
  const root = find("#events");
  root.removeAttribute("aria-busy");
  if (problem) refill(root, problemNote(problem, "events:read"));
  else if (shown.length === 0) refill(root, empty(t("events.none"), filters().length > 0 ? t("events.none_fits") : t("events.none_yet")));
  else refill(root, h("ul", { class: "rows" }, shown.map(item)));
  find("#older").hidden = next === null || problem !== null;
  renderState();
  renderLatest();
}

function item(event) {
  return h("li", {}, entry(event, (correlation) => filterBy("correlation_id", correlation)));
}

function renderState() {
  const text = isPaused ? t("events.paused", { waiting: count(waiting) }) : t("events.shown", { shown: count(shown.length) });
  find("#events-state").textContent = problem ? "" : text;
}

function renderLatest() {
  const root = find("#latest");
  if (problem) return refill(root, problemNote(problem, "events:read"));
  if (!latest) return refill(root, loading(3));
  if (latest.length === 0) return refill(root, empty(t("events.none"), t("events.none_yet")));
  return refill(root, h("ul", { class: "rows" }, latest.map((event) => h("li", { class: "event-line" }, line(event)))));
}
