/** An event of the gateway's log, or a notice to this subscriber alone, which has no cursor. */
export interface GatewayEvent<T = unknown> {
  type: "metrics_update" | "analysis_complete" | "training_progress" | "system_alert" | (string & {});
  data: T;
  /** RFC 3339, UTC. */
  timestamp: string;
  /** A UUID. */
  id: string;
  /** The place in the log: grows from event to event. */
  cursor?: number;
  source: string;
  correlation_id?: string;
  /** What its source calls it. */
  event_id?: string;
}

export interface FollowOptions {
  /** Such as `{ "x-api-key": … }` or `{ authorization: "Bearer …" }`. */
  headers?: Record<string, string>;
  /** Types of events and `user:{id}`; none: everything that one may see. */
  topics?: string[];
  /** Goes on after this event; without it, from now on. */
  cursor?: number;
  /** Ends it. */
  signal?: AbortSignal;
  /** Told of what is not in the log: the figures of now, and which events are missing. */
  onNotice?: (notice: GatewayEvent) => void;
}

/** The gateway refuses, and would again: 401, 403, 400. */
export declare class Refused extends Error {
  readonly status: number;
  constructor(status: number);
}

/** Events, each once and in order, over as many connections as it takes. */
export declare function follow(
  url: string,
  options?: FollowOptions,
): AsyncGenerator<GatewayEvent, void, void>;
