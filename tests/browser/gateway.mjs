// The demonstration, started for a test file.

import { execFile, spawn } from "node:child_process";
import { promisify } from "node:util";

const PROGRAM = process.env.GATEWAY_PROGRAM ?? new URL("../../target/debug/integridai-gateway", import.meta.url).pathname;

/** A round of figures each second, and nobody who has to wait long for anything. */
const QUICK = {
  INTEGRIDAI_METRICS__CACHE_SECONDS: "0.5",
  INTEGRIDAI_REALTIME__METRICS_INTERVAL_SECONDS: "1",
  INTEGRIDAI_METRICS__OFFLINE_AFTER_SECONDS: "0.001",
  INTEGRIDAI_SERVICES__REGTECH__RESILIENCE__OPEN_SECONDS: "1",
  INTEGRIDAI_RATE_LIMITS__DISABLED: "true",
};

/** Who may do less than everything: an issuer whose tokens the command line signs. */
const ISSUER = {
  INTEGRIDAI_AUTH__ISSUERS__SHORT__ISSUER: "https://short.example",
  INTEGRIDAI_AUTH__ISSUERS__SHORT__AUDIENCE: '["integridai-gateway"]',
  INTEGRIDAI_AUTH__ISSUERS__SHORT__SECRET: "0123456789abcdef0123456789abcdef",
};

export class Gateway {
  #process;
  #page;

  static async start(variables = {}) {
    const gateway = new Gateway();
    const environment = { ...process.env, ...QUICK, ...ISSUER, ...variables };
    const child = spawn(PROGRAM, ["demo", "--port", "0"], { env: environment, stdio: ["ignore", "pipe", "inherit"] });
    gateway.#process = child;
    process.once("exit", () => child.kill());
    gateway.#page = await new Promise((resolve, reject) => {
      let printed = "";
      child.stdout.setEncoding("utf8");
      child.stdout.on("data", (text) => {
        printed += text;
        if (printed.includes("Ctrl-C")) resolve(printed);
      });
      child.on("error", reject);
      child.on("exit", (code) => reject(new Error(`the demonstration ended with ${code}: ${printed}`)));
    });
    return gateway;
  }

  /** What stands behind this name on the demonstration's page. */
  printed(name) {
    return new RegExp(`^ *${name} +(\\S+)`, "m").exec(this.#page)[1];
  }

  get console() {
    return this.printed("console");
  }

  get origin() {
    return new URL(this.console).origin;
  }

  get key() {
    return this.printed("API key");
  }

  get token() {
    return this.printed("token");
  }

  /** A token that allows this alone. */
  async tokenFor(...scopes) {
    const asked = scopes.flatMap((scope) => ["--scope", scope]);
    const { stdout } = await promisify(execFile)(PROGRAM, ["token", ...asked, "somebody"], { env: { ...process.env, ...ISSUER } });
    return stdout.trim();
  }

  /** How a service is to fail; null: no more. */
  async control(service, failure) {
    const url = `${this.printed(service)}/_control`;
    const answer = failure
      ? await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(failure) })
      : await fetch(url, { method: "DELETE" });
    if (!answer.ok) throw new Error(await answer.text());
  }

  async publish(event) {
    const headers = { "content-type": "application/json", "x-api-key": this.key };
    const answer = await fetch(`${this.origin}/api/v1/events`, { method: "POST", headers, body: JSON.stringify(event) });
    if (!answer.ok) throw new Error(await answer.text());
  }

  async stop() {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGTERM");
    await ended;
  }
}
