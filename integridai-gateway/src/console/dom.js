// Elements are built, never written as HTML: what comes from a service is text and nothing else.

export function find(selector, root = document) {
  return root.querySelector(selector);
}

/** Builds an element. Attributes that begin with "on" are listeners; one that is null or false is left out. */
export function h(name, attributes = {}, ...children) {
  return build(document.createElement(name), attributes, children);
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(name, attributes = {}, ...children) {
  return build(document.createElementNS(SVG, name), attributes, children);
}

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Puts new children in, and the focus back to the one that had it: those that can have it carry a data-key. */
export function refill(parent, ...children) {
  const key = parent.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  parent.replaceChildren(...children.flat().filter(Boolean));
  if (key !== undefined) parent.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

const SHAPES = {
  online: ["M4.5 8.5 7 11l4.5-5.5"],
  degraded: ["M8 5v3.5", "M8 11.2v.01"],
  offline: ["M5.5 5.5l5 5", "M10.5 5.5l-5 5"],
  waiting: ["M8 5v3l2 1.5"],
  running: ["M6.5 5.2v5.6l4.5-2.8Z"],
  info: ["M8 7.5v3.5", "M8 5v.01"],
};

const KINDS = {
  online: "online", closed: "online", succeeded: "online", low: "online",
  degraded: "degraded", half_open: "degraded", forced_closed: "degraded", warning: "degraded", medium: "degraded",
  offline: "offline", open: "offline", forced_open: "offline", failed: "offline", dead: "offline", critical: "offline", high: "offline",
  cancelled: "offline", queued: "waiting", running: "running",
};

const TONES = { online: "good", degraded: "warn", offline: "bad", waiting: "calm", running: "busy", info: "calm" };

/** How a state looks: a shape and a colour, never the colour alone. */
export function shapeOf(state) {
  const shape = KINDS[state] ?? "info";
  return { shape, tone: state === "cancelled" ? "calm" : TONES[shape] };
}

export function icon(shape) {
  const paths = SHAPES[shape].map((path) => svg("path", { d: path }));
  return svg("svg", { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("circle", { cx: 8, cy: 8, r: 7 }), paths);
}

/** A state in a word, with its shape. */
export function badge(state, word) {
  const { shape, tone } = shapeOf(state);
  return h("span", { class: `badge ${tone}` }, icon(shape), word);
}

/** What stands where there is nothing yet. */
export function empty(title, text) {
  return h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), text ? h("p", {}, text) : null);
}

export function loading(rows = 3) {
  return h("div", { class: "loading", "aria-hidden": "true" }, Array.from({ length: rows }, () => h("span", {})));
}

/** Tells those who do not see it. */
export function announce(text) {
  find("#announcer").textContent = text;
}

/** A button that can be pressed once at a time. */
export async function whilePressed(button, work) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    await work();
  } finally {
    button.removeAttribute("aria-disabled");
  }
}
