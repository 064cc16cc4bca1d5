// @ts-check
// Follows the events of a gateway: each once and in order, also when connections are lost or the gateway is restarted.
// Runs as it is in browsers and in Node.js 18 or newer; TypeScript finds the types in follow.d.mts.

/** The gateway writes something every 30 s: whoever hears nothing for longer talks to nobody. */
const SILENCE = 75_000;

/** The gateway refuses, and would again. */
export class Refused extends Error {
  /** @param {number} status */
  constructor(status) {
    super(`refused: ${status}`);
    this.status = status;
  }
}

/**
 * @param {string} url such as `https://gateway.example.org`
 * @param {import("./follow.mjs").FollowOptions} [options]
 * @returns {AsyncGenerator<import("./follow.mjs").GatewayEvent, void, void>}
 */
export async function* follow(url, { headers = {}, topics = [], cursor, signal, onNotice } = {}) {
  let attempts = 0;
  while (!signal?.aborted) {
    try {
      for await (const event of read(url, { headers, topics, cursor, signal })) {
        attempts = 0;
        if (event.cursor === undefined) {
          // Of the log's events each has a cursor; a notice, such as of events that are missing, has none.
          onNotice?.(event);
        } else if (cursor === undefined || event.cursor > cursor) {
          cursor = event.cursor;
          yield event;
        }
      }
    } catch (error) {
      if (error instanceof Refused) throw error;
    }
    await pause(attempts++, signal);
  }
}

/** One connection, to its end. */
async function* read(url, { headers, topics, cursor, signal }) {
  const asked = new URL("/api/v1/realtime/events", url);
  asked.searchParams.set("overflow", "disconnect");
  if (topics.length > 0) asked.searchParams.set("topics", topics.join(","));
  if (cursor !== undefined) asked.searchParams.set("cursor", String(cursor));
  const connection = new AbortController();
  const end = () => connection.abort();
  signal?.addEventListener("abort", end);
  let watch = setTimeout(end, SILENCE);
  try {
    const response = await fetch(asked, { headers, signal: connection.signal });
    if (response.status !== 200) {
      const isForGood = response.status >= 400 && response.status < 500 && response.status !== 429;
      throw isForGood ? new Refused(response.status) : new Error(`not now: ${response.status}`);
    }
    let text = "";
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      clearTimeout(watch);
      watch = setTimeout(end, SILENCE);
      const blocks = (text + decoder.decode(part.value, { stream: true })).split("\n\n");
      text = blocks.pop();
      for (const block of blocks) {
        const data = block.split("\n").filter((line) => line.startsWith("data: "));
        if (data.length > 0) yield JSON.parse(data.map((line) => line.slice(6)).join("\n"));
      }
    }
  } finally {
    clearTimeout(watch);
    signal?.removeEventListener("abort", end);
    connection.abort();
  }
}

/** Up to 0.2, 0.4, 0.8 … 10 s, somewhere in the upper half: those that lost the same gateway do not come back at once. */
function pause(attempts, signal) {
  const most = Math.min(200 * 2 ** Math.min(attempts, 10), 10_000);
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, most / 2 + (Math.random() * most) / 2);
    signal?.addEventListener("abort", () => (clearTimeout(timer), resolve(undefined)), { once: true });
  });
}
