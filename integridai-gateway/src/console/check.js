// What the gateway would refuse, told before it is asked. It has the last word: what it finds is shown at the same fields.

const CONTROL = /\p{Cc}/u;
const MAX_ERRORS_SHOWN = 20;

/** One to so many characters, once trimmed, and no control characters. */
function text(value, most) {
  const trimmed = value.trim();
  if (trimmed === "") return ["check.required"];
  return [...trimmed].length > most || CONTROL.test(trimmed) ? ["check.text", { most }] : null;
}

/** Eleven digits, with both dashes or none. The check digit is looked at where the gateway is told to. */
function cuit(value) {
  const trimmed = value.trim();
  if (trimmed === "") return ["check.required"];
  return /^(\d{2}-\d{8}-\d|\d{11})$/.test(trimmed) ? null : ["check.cuit"];
}

function sessionId(value) {
  return text(value, 100) ?? ([".", ".."].includes(value.trim()) ? ["check.session"] : null);
}

function seconds(value) {
  const number = Number(value.trim().replace(",", "."));
  return Number.isFinite(number) && number > 0 ? null : ["check.seconds"];
}

const optional = (check) => (value) => (value.trim() === "" ? null : check(value));

const CHECKS = {
  complete_analysis: { name: (value) => text(value, 200), cuit, sector: (value) => text(value, 100), user_id: optional((value) => text(value, 100)) },
  training_sync: { training_session: sessionId, user_id: optional((value) => text(value, 100)) },
  metrics_update: {},
};

/** What is wrong, by field: the key of a text and its values. */
export function check(workflow, fields) {
  const checks = { ...CHECKS[workflow], timeout: optional(seconds) };
  const found = Object.entries(checks).map(([name, look]) => [name, look(fields[name] ?? "")]);
  return Object.fromEntries(found.filter(([, wrong]) => wrong !== null));
}

/** The request that the fields make. */
export function requestOf(workflow, fields) {
  const payload = {};
  for (const name of Object.keys(CHECKS[workflow])) {
    const value = fields[name]?.trim();
    if (value) payload[name] = value;
  }
  const options = { async: true, priority: fields.priority };
  const timeout = fields.timeout?.trim().replace(",", ".");
  if (timeout) options.timeout = Number(timeout);
  return { workflow, payload, options };
}

/** The field that a pointer (RFC 6901) into the request means; null if it is none of the form. */
export function fieldAt(pointer, names) {
  const parts = pointer.split("/").slice(1);
  return parts.reverse().find((part) => names.includes(part)) ?? null;
}

/** What the gateway found, by field, and what belongs to none. */
export function sorted(errors, names) {
  const fields = {};
  const others = [];
  for (const error of errors.slice(0, MAX_ERRORS_SHOWN)) {
    const name = fieldAt(error.pointer, names);
    if (name) fields[name] = error.detail;
    else others.push(`${error.pointer}: ${error.detail}`);
  }
  return { fields, others };
}
