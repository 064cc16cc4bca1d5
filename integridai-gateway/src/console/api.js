// The gateway's API, with credentials that are kept here and nowhere else.

import { Problem } from "./problem.js";

let credential = null;

/** Tells of "refused": the credentials that were good are not any more. */
export const session = new EventTarget();

/** Three parts with dots between are a token (RFC 7519), anything else is an API key. Null takes none. */
export function present(text) {
  if (text === null) {
    credential = null;
    return;
  }
  const isToken = /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text);
  credential = isToken ? ["authorization", `Bearer ${text}`] : ["x-api-key", text];
}

/** Whether it can be sent at all: visible ASCII. */
export function isSendable(text) {
  return /^[\x21-\x7e]+$/.test(text);
}

/** The answer's JSON and head. Throws a Problem. */
export async function ask(path, { method = "GET", body, head = {} } = {}) {
  const headers = new Headers(head);
  const presented = credential;
  if (presented) headers.set(...presented);
  if (body !== undefined) headers.set("content-type", "application/json");
  let response;
  try {
    const content = body === undefined ? undefined : JSON.stringify(body);
    response = await fetch(path, { method, headers, body: content, cache: "no-store", credentials: "omit", redirect: "error" });
  } catch {
    throw new Problem({ status: 0 });
  }
  if (!response.ok) {
    const problem = await Problem.of(response);
    if (problem.status === 401 && presented && presented === credential) session.dispatchEvent(new Event("refused"));
    throw problem;
  }
  const text = await response.text();
  return { status: response.status, headers: response.headers, content: text === "" ? null : JSON.parse(text) };
}

export async function get(path) {
  return (await ask(path)).content;
}

/** A name for a request that may have to be sent again. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `"console-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}"`;
}
