// What went wrong, in words.

import { t, word } from "./text.js";

/** An answer that is none, or an error of the gateway (RFC 9457). */
export class Problem extends Error {
  constructor({ status = 0, detail = "", errors = [], retryAfter = null, correlationId = null }) {
    super(detail || `status ${status}`);
    Object.assign(this, { status, detail, errors, retryAfter, correlationId });
  }

  static async of(response) {
    const isProblem = response.headers.get("content-type")?.startsWith("application/problem+json");
    const document = isProblem ? await response.json().catch(() => ({})) : {};
    return new Problem({
      status: response.status,
      detail: document.detail,
      errors: document.errors,
      retryAfter: Number(response.headers.get("retry-after")) || null,
      correlationId: response.headers.get("x-correlation-id"),
    });
  }

  get isForbidden() {
    return this.status === 403;
  }
}

/** A sentence for whoever reads it; `scope` is what was needed. */
export function tell(problem, scope) {
  if (!(problem instanceof Problem)) return t("problem.page");
  if (problem.isForbidden && scope) return t("problem.403", { scope });
  if (problem.status === 429) return t("problem.429", { seconds: problem.retryAfter ?? 60 });
  return word(`problem.${problem.status}`, t("problem.other", { status: problem.status }));
}

/** What the gateway itself says of it, in its language, and the id to find it by. */
export function particulars(problem) {
  if (!(problem instanceof Problem) || problem.status === 0) return null;
  const id = problem.correlationId ? t("problem.id", { id: problem.correlationId }) : null;
  return { detail: problem.detail || null, id };
}
