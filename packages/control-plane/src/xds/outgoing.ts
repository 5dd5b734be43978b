import type { Acknowledgement } from "./fleet.ts";
import type { Fragment, ProxyConfig, XdsType } from "./fragment.ts";

/** A response that a stream's state machine wants sent now. */
export interface Outgoing {
  /** Undefined for a resource type this server has no resources of. */
  readonly type: XdsType | undefined;
  readonly typeUrl: string;
  readonly nonce: string;
  /** Store revision that the response reflects. */
  readonly revision: number;
  readonly resources: readonly Fragment[];
  /** Names that are removed or do not exist; always empty in state-of-the-world. */
  readonly removed: readonly string[];
  /** Hash over everything that the proxy holds of this type afterwards; empty in delta. */
  readonly versionInfo: string;
}

/** What a state machine reports; the part of `StreamEvents` that does not concern the connection. */
export interface ProtocolEvents {
  sent(type: XdsType, resources: number, revision: number): void;
  answered(ack: Acknowledgement): void;
  inSync(revision: number): void;
}

/**
 * One ADS stream without its connection: no I/O, no clock. `request` and `set` take in what happened; `next` gives one
 * response to send, and is called until it gives none, whenever the connection can take more. Whoever cannot send does
 * not call `next`, and states that were superseded meanwhile are never built.
 */
export interface XdsStream<Request> {
  /** @throws StreamRefused when the proxy asks for what no server should answer */
  request(request: Request): void;
  /** Sets what the proxy should hold. */
  set(config: ProxyConfig, revision: number): void;
  next(): Outgoing | undefined;
}
