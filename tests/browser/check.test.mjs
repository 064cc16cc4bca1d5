// What the form finds wrong before it asks is what the gateway finds wrong.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import { Gateway } from "./gateway.mjs";

const SOURCE = readFileSync(new URL("../../integridai-gateway/src/console/check.js", import.meta.url), "utf8");
const { check, fieldAt, requestOf, sorted } = await import(`data:text/javascript,${encodeURIComponent(SOURCE)}`);

let gateway;

before(async () => {
  gateway = await Gateway.start();
});

after(() => gateway?.stop());

const PROVIDER = { name: "Acme SA", cuit: "30-12345678-9", sector: "tecnologia", priority: "normal" };
const TRAINING = { training_session: "demo-session", priority: "normal" };

/** The fields that the gateway finds wrong; none if it accepts. */
async function refused(workflow, fields) {
  const headers = { "content-type": "application/json", "x-api-key": gateway.key };
  const answer = await fetch(`${gateway.origin}/api/v1/gateway/execute`, { method: "POST", headers, body: JSON.stringify(requestOf(workflow, fields)) });
  assert.ok([202, 422].includes(answer.status), `${answer.status}`);
  const { errors = [] } = await answer.json();
  return [...new Set(errors.map(({ pointer }) => fieldAt(pointer, [...Object.keys(fields), "timeout"])))].sort();
}

const CASES = [
  ["complete_analysis", PROVIDER, {}],
  ["complete_analysis", PROVIDER, { cuit: "30123456789" }],
  ["complete_analysis", PROVIDER, { cuit: " 30-12345678-9 " }],
  ["complete_analysis", PROVIDER, { cuit: "3012345678-9" }],
  ["complete_analysis", PROVIDER, { cuit: "30-123456789" }],
  ["complete_analysis", PROVIDER, { cuit: "30 12345678 9" }],
  ["complete_analysis", PROVIDER, { cuit: "٣٠١٢٣٤٥٦٧٨٩" }],
  ["complete_analysis", PROVIDER, { cuit: "", name: "" }],
  ["complete_analysis", PROVIDER, { name: "   " }],
  ["complete_analysis", PROVIDER, { name: "ñ".repeat(200) }],
  ["complete_analysis", PROVIDER, { name: "ñ".repeat(201) }],
  ["complete_analysis", PROVIDER, { name: "😀".repeat(200) }],
  ["complete_analysis", PROVIDER, { name: "a\u0007b" }],
  ["complete_analysis", PROVIDER, { sector: "s".repeat(100) }],
  ["complete_analysis", PROVIDER, { sector: "s".repeat(101) }],
  ["complete_analysis", PROVIDER, { user_id: "u".repeat(100) }],
  ["complete_analysis", PROVIDER, { user_id: "u".repeat(101) }],
  ["complete_analysis", PROVIDER, { timeout: "0.5" }],
  ["complete_analysis", PROVIDER, { timeout: "2,5" }],
  ["complete_analysis", PROVIDER, { timeout: "0" }],
  ["complete_analysis", PROVIDER, { timeout: "-3" }],
  ["training_sync", TRAINING, {}],
  ["training_sync", TRAINING, { training_session: "" }],
  ["training_sync", TRAINING, { training_session: "." }],
  ["training_sync", TRAINING, { training_session: ".." }],
  ["training_sync", TRAINING, { training_session: "..." }],
  ["training_sync", TRAINING, { training_session: "s".repeat(101) }],
  ["metrics_update", { priority: "high" }, {}],
];

for (const [workflow, fields, changed] of CASES) {
  test(`the page and the gateway agree on ${workflow} with ${JSON.stringify(changed).slice(0, 60)}`, async () => {
    const all = { ...fields, ...changed };
    assert.deepEqual(Object.keys(check(workflow, all)).sort(), await refused(workflow, all));
  });
}

test("what the gateway finds goes to the field that its pointer means, and the rest is told beside", () => {
  const errors = [{ pointer: "/payload/provider/cuit", detail: "wrong" }, { pointer: "/options/timeout", detail: "too long" }, { pointer: "/workflow", detail: "unknown" }];
  const { fields, others } = sorted(errors, ["cuit", "timeout"]);
  assert.deepEqual(fields, { cuit: "wrong", timeout: "too long" });
  assert.deepEqual(others, ["/workflow: unknown"]);
});
