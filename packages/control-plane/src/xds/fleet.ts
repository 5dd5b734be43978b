import type { ProxyConfig, XdsType } from "./fragment.ts";

/** `<mesh>.<name>`, Envoy's node id. */
export type ProxyId = string;

/** What the first request of a stream says about the proxy behind it. */
export interface NodeInfo {
  readonly id: ProxyId;
  readonly mesh: string;
  readonly name: string;
  readonly cluster: string;
  /** Node metadata as plain JSON. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** `authorization` metadata of the stream: the bare token. */
  readonly token: string | undefined;
  readonly protocol: "delta" | "sotw";
  /** It holds configuration from an earlier stream: a process that has been running, not one that starts. */
  readonly reconnects: boolean;
}

/** What is known of a proxy whatever it asks for. */
export type ProxyInfo = Omit<NodeInfo, "protocol" | "reconnects">;

/** Ends a stream with a gRPC status; the message reaches Envoy's log, so it says what to do. */
export class StreamRefused extends Error {
  readonly code: "unauthenticated" | "permission-denied" | "invalid-argument" | "unavailable";
  constructor(code: StreamRefused["code"], message: string) {
    super(message);
    this.name = "StreamRefused";
    this.code = code;
  }
}

/** What a proxy answered to something sent. */
export interface Acknowledgement {
  readonly type: XdsType;
  /** Highest revision (see `ConfigSink.set`) whose effects are contained in what was answered. */
  readonly revision: number;
  /**
   * Absent for an ACK; else Envoy's reason, and the resources that are to blame: those it names, or the only one of the
   * response. Empty where it names none of several: the response was refused as a whole, and the server is still
   * isolating the bad resource by sending smaller ones. The answer that blames it follows.
   */
  readonly rejected?: {
    readonly message: string;
    readonly resources: readonly {
      readonly name: string;
      readonly version: string;
      readonly origins: readonly string[];
    }[];
  };
}

/** The control plane's side of one connected stream. */
export interface StreamEvents {
  /** A response of `type` with `resources` resources left for the proxy. */
  sent(type: XdsType, resources: number, revision: number): void;
  answered(ack: Acknowledgement): void;
  /** The proxy holds everything it should, up to `revision`. */
  inSync(revision: number): void;
  closed(): void;
}

/** A stream, as the pipeline sees it. */
export interface ConfigSink {
  /**
   * Sets what the proxy should hold from now on. Newest wins: a slow proxy never gets a queue of old states.
   * `revision` only ever grows; acknowledgements refer to it.
   */
  set(config: ProxyConfig, revision: number): void;
  close(reason: StreamRefused): void;
}

/**
 * Whoever knows what proxies should hold. The xDS server asks it once per stream.
 */
export interface Fleet {
  /**
   * Authenticates and registers the proxy. The returned events are called for the life of the stream.
   * @throws StreamRefused
   */
  connect(node: NodeInfo, sink: ConfigSink): Promise<StreamEvents>;
}
