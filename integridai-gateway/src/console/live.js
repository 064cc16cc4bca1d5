// Events as they happen: a WebSocket that comes back by itself, and goes on where it was.

import { ask, session } from "./api.js";

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;
/** Somebody who says nothing for so long is asked whether they are there; metrics come more often than that. */
const SILENCE = 45_000;
const TOKEN_EXPIRED = 4401;

/** Dispatches "event" with what happened, and "state" when `state` changes: connecting, live, waiting, denied. */
export class Live extends EventTarget {
  #socket = null;
  #cursor = null;
  #pause = FIRST_PAUSE;
  #timer = 0;
  #watch = 0;
  #isOver = false;
  state = "connecting";

  /** Begins after this event, or with the next one. */
  start(cursor) {
    this.#cursor = cursor;
    return this.#connect();
  }

  stop() {
    this.#isOver = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#watch);
    this.#socket?.close(1000);
  }

  async #connect() {
    this.#become("connecting");
    try {
      const { content } = await ask("/api/v1/realtime/ticket", { method: "POST" });
      if (!this.#isOver) this.#open(content.ticket);
    } catch (problem) {
      if (problem.isForbidden) this.#become("denied");
      else this.#comeBack();
    }
  }

  #open(ticket) {
    const url = new URL("/api/v1/realtime/subscribe", location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    url.searchParams.set("ticket", ticket);
    if (this.#cursor !== null) url.searchParams.set("cursor", this.#cursor);
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.addEventListener("open", () => {
      this.#pause = FIRST_PAUSE;
      this.#become("live");
      this.#listen(socket);
    });
    socket.addEventListener("message", ({ data }) => {
      this.#listen(socket);
      if (data !== "pong") this.#take(JSON.parse(data));
    });
    socket.addEventListener("close", ({ code }) => {
      clearTimeout(this.#watch);
      if (this.#isOver) return;
      if (code === TOKEN_EXPIRED) session.dispatchEvent(new Event("refused"));
      else this.#comeBack();
    });
  }

  #listen(socket) {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => {
      socket.send("ping");
      this.#watch = setTimeout(() => socket.close(), SILENCE);
    }, SILENCE);
  }

  #take(event) {
    if (this.#isOver) return;
    if (event.cursor !== undefined) this.#cursor = Math.max(this.#cursor ?? 0, event.cursor);
    this.dispatchEvent(new CustomEvent("event", { detail: event }));
  }

  #comeBack() {
    if (this.#isOver) return;
    this.#become("waiting");
    // Not all of those that were cut off at once come back at once.
    this.#timer = setTimeout(() => this.#connect(), this.#pause * (0.5 + Math.random() / 2));
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
  }

  #become(state) {
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }
}
