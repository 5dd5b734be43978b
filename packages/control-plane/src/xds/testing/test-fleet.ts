import type { Acknowledgement, ConfigSink, Fleet, NodeInfo, StreamRefused } from "../fleet.ts";
import type { ProxyConfig, XdsType } from "../fragment.ts";
import type { XdsLog } from "../log.ts";

/** What one connected stream has reported. */
export interface TestStream {
  readonly node: NodeInfo;
  readonly sink: ConfigSink;
  readonly sent: { readonly type: XdsType; readonly resources: number; readonly revision: number }[];
  readonly answered: Acknowledgement[];
  readonly inSync: number[];
  closed: number;
}

/** A fleet in which every proxy should hold the same. */
export interface TestFleet extends Fleet {
  readonly streams: TestStream[];
  /** Calls of `connect` under way, and the most there have been at a time. */
  readonly connecting: { now: number; most: number };
  set(config: ProxyConfig, revision: number): void;
}

/** @param refuse refuses a proxy by the returned reason; `connectMs` is how long each connect takes */
export function createTestFleet(
  options: {
    readonly refuse?: (node: NodeInfo) => StreamRefused | undefined;
    readonly connectMs?: number;
  } = {},
): TestFleet {
  const streams: TestStream[] = [];
  const connecting = { now: 0, most: 0 };
  let current: { readonly config: ProxyConfig; readonly revision: number } | undefined;
  return {
    streams,
    connecting,
    set(config, revision) {
      current = { config, revision };
      for (const stream of streams) if (stream.closed === 0) stream.sink.set(config, revision);
    },
    async connect(node, sink) {
      connecting.now += 1;
      connecting.most = Math.max(connecting.most, connecting.now);
      await new Promise((resolve) => setTimeout(resolve, options.connectMs ?? 0));
      connecting.now -= 1;
      const refusal = options.refuse?.(node);
      if (refusal !== undefined) throw refusal;
      const stream: TestStream = { node, sink, sent: [], answered: [], inSync: [], closed: 0 };
      streams.push(stream);
      if (current !== undefined) sink.set(current.config, current.revision);
      return {
        sent: (type, resources, revision) => void stream.sent.push({ type, resources, revision }),
        answered: (ack) => void stream.answered.push(ack),
        inSync: (revision) => void stream.inSync.push(revision),
        closed: () => {
          stream.closed += 1;
        },
      };
    },
  };
}

/** A log that keeps what it is given. */
export function createTestLog(): XdsLog & { readonly lines: string[] } {
  const lines: string[] = [];
  const write =
    (level: string) =>
    (fields: object, message: string): void => {
      lines.push(
        `${level} ${message} ${JSON.stringify(fields, (_, value) => (value instanceof Error ? value.message : value))}`,
      );
    };
  return { lines, debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}
