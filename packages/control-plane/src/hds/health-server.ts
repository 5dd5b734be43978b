import type { DataplaneResource, DataplaneSpec } from "@skein/model";
import { type NodeFacts, nodeFacts } from "../plan/node-facts.ts";
import type { Change, Store } from "../store/store.ts";
import { type ProxyInfo, StreamRefused } from "../xds/fleet.ts";
import type { GrpcCall, GrpcHandler, GrpcReceiver } from "../xds/grpc.ts";
import { frame } from "../xds/grpc-framing.ts";
import type { GrpcStatus } from "../xds/grpc-status.ts";
import { createLimiter, type Limiter } from "../xds/limiter.ts";
import { nodeInfo } from "../xds/node-info.ts";
import type { RequestNode } from "../xds/request.ts";
import { MalformedMessage } from "../xds/wire.ts";
import {
  type AdminCheck,
  type CheckPace,
  type HealthChecks,
  healthChecks,
  type ProbeCheck,
} from "./checks.ts";
import { findingsOf, withFindings } from "./findings.ts";
import { decodeHealthMessage, type HealthMessage, type HealthReport } from "./messages.ts";
import { specifier } from "./specifier.ts";
import { type ProxyKey, StateWriter } from "./state-writer.ts";

/** Path of health discovery. */
export const HDS_PATH = "/envoy.service.health.v3.HealthDiscoveryService/StreamHealthCheck";

/** So much later than it should a busy Envoy may begin with a check, and report it. */
const BUSY_MS = 1_000;

/** What happens on the streams, for the metrics. */
export interface HealthMetrics {
  received(): void;
  sent(): void;
  /** Milliseconds to find out what a proxy should check. */
  generated(ms: number): void;
  generationFailed(): void;
}

export interface HealthServerOptions {
  readonly store: Store;
  /** Lets a proxy in, as for its configuration. @throws StreamRefused */
  readonly admit: (node: ProxyInfo) => Promise<unknown>;
  /** What is checked where a probe does not say otherwise. */
  readonly defaults: CheckPace;
  /** Milliseconds between two reports of a proxy. */
  readonly reportMs: number;
  /** The proxy has said that it goes: what it reported before must not bring it back. */
  readonly isDraining: (proxy: ProxyKey) => boolean;
  /** The proxy's listeners are not up yet; until then others decide on its inbounds. */
  readonly isStarting: (proxy: ProxyKey) => boolean;
  readonly metrics: HealthMetrics;
  readonly monotonic: () => number;
  readonly log: {
    warn(details: object, message: string): void;
    error(details: object, message: string): void;
  };
  /** Milliseconds until a stream without a request is ended. */
  readonly firstRequestMs?: number;
  readonly batchMs?: number;
}

/**
 * Health discovery: tells each proxy's Envoy what to check, anew whenever its Dataplane changes that, and writes what
 * comes of it into the Dataplane. What a proxy does not report stays as it is, so neither a restart of the control plane
 * nor a stream that breaks changes anything.
 */
export class HealthServer {
  readonly #options: HealthServerOptions;
  readonly #writer: StateWriter;
  readonly #connecting: Limiter = createLimiter(64);
  readonly #all = new Set<HealthStream>();
  readonly #streams = new Map<string, Set<HealthStream>>();

  constructor(options: HealthServerOptions) {
    this.#options = options;
    this.#writer = new StateWriter({
      store: options.store,
      ...(options.batchMs === undefined ? {} : { batchMs: options.batchMs }),
      onError: (error) => options.log.warn({ err: error }, "the state of inbounds could not be written"),
    });
  }

  /** Streams that are open, let in or not yet. */
  get streams(): number {
    return this.#all.size;
  }

  readonly handler: GrpcHandler = (call) => {
    const stream = new HealthStream(call, this.#options, {
      connecting: this.#connecting,
      writer: this.#writer,
      began: (key) => {
        const id = `${key.mesh}/${key.name}`;
        const there = this.#streams.get(id) ?? new Set();
        this.#streams.set(id, there.add(stream));
      },
      ended: (key) => {
        this.#all.delete(stream);
        if (key === undefined) return;
        const id = `${key.mesh}/${key.name}`;
        const there = this.#streams.get(id);
        there?.delete(stream);
        if (there?.size === 0) this.#streams.delete(id);
      },
    });
    this.#all.add(stream);
    return stream;
  };

  /** Dataplanes changed: their proxies may have other things to check. */
  changed(changes: readonly Change[]): void {
    for (const { before, after } of changes) {
      const document = after ?? before;
      if (document?.type !== "Dataplane") continue;
      const streams = this.#streams.get(`${document.mesh}/${document.name}`);
      for (const stream of streams ?? []) stream.refresh();
    }
  }

  /** Writes no more states. The streams are ended by their server. */
  async close(): Promise<void> {
    await this.#writer.close();
  }
}

interface StreamContext {
  readonly connecting: Limiter;
  readonly writer: StateWriter;
  began(proxy: ProxyKey): void;
  ended(proxy: ProxyKey | undefined): void;
}

/** One stream, from the request that begins it to its end. */
class HealthStream implements GrpcReceiver {
  readonly #call: GrpcCall;
  readonly #options: HealthServerOptions;
  readonly #context: StreamContext;
  readonly #firstRequest: NodeJS.Timeout;
  #node: Pick<ProxyInfo, "id" | "mesh" | "name"> | undefined;
  #facts: NodeFacts | undefined;
  #isAdmitted = false;
  #isOver = false;
  /** What Envoy was told to check, as JSON. */
  #sent: string | undefined;
  #isBehind = false;
  /** When the first result of each check that Envoy makes has to be there, in monotonic milliseconds. */
  #due = new Map<string, number>();
  /** The last report, and the revision of the Dataplane in which it changes nothing. */
  #seen: { readonly bytes: Buffer; revision: number | undefined } | undefined;

  constructor(call: GrpcCall, options: HealthServerOptions, context: StreamContext) {
    this.#call = call;
    this.#options = options;
    this.#context = context;
    this.#firstRequest = setTimeout(
      () => this.#end("deadline-exceeded", "no request came on this stream"),
      options.firstRequestMs ?? 30_000,
    ).unref();
  }

  message(bytes: Buffer): void {
    if (this.#isOver) return;
    this.#options.metrics.received();
    if (this.#isKnown(bytes)) return;
    let message: HealthMessage;
    try {
      message = decodeHealthMessage(bytes);
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      this.#end("invalid-argument", `not a message of health discovery: ${error.message}`);
      return;
    }
    if (message.kind === "request") this.#begin(message.node);
    else if (this.#node === undefined) {
      this.#end("invalid-argument", "the first message of a health discovery stream must carry the node");
    } else if (this.#isAdmitted) this.#report(message.report, bytes);
  }

  drained(): void {
    if (this.#isBehind) this.refresh();
  }

  ended(): void {
    this.#end("ok", "");
  }

  closed(): void {
    this.#isOver = true;
    clearTimeout(this.#firstRequest);
    this.#context.ended(this.#isAdmitted ? this.#node : undefined);
  }

  /** Sends what to check, unless Envoy has that already. */
  refresh(): void {
    const { metrics, monotonic, log, reportMs } = this.#options;
    if (this.#isOver || !this.#isAdmitted) return;
    this.#isBehind = !this.#call.writable;
    if (this.#isBehind) return;
    const began = monotonic();
    try {
      const checks = this.#checks(this.#dataplane()?.spec);
      const isNothing = checks.admin === undefined && checks.inbounds.every((check) => check === undefined);
      if (isNothing && this.#sent === undefined) return;
      const key = JSON.stringify(checks);
      if (key === this.#sent) return;
      const bytes = frame(specifier(checks, reportMs));
      metrics.generated(monotonic() - began);
      this.#sent = key;
      this.#due = this.#dueTimes(checks);
      this.#call.write(bytes);
      metrics.sent();
    } catch (error) {
      metrics.generationFailed();
      log.error(
        { err: error, proxy: this.#node?.id },
        "what a proxy should check could not be found out; it goes on with what it checks",
      );
    }
  }

  #begin(sender: RequestNode | undefined): void {
    const info = sender && nodeInfo(sender, this.#call);
    if (info === undefined) {
      const id = JSON.stringify(sender?.id ?? "");
      this.#end("invalid-argument", `node.id ${id} is not of the form <mesh>.<name>`);
      return;
    }
    if (this.#node !== undefined) {
      if (this.#node.id !== info.id) {
        this.#end(
          "invalid-argument",
          `node.id changed from ${this.#node.id} to ${info.id} within one stream`,
        );
      }
      return;
    }
    clearTimeout(this.#firstRequest);
    const { id, mesh, name } = info;
    this.#node = { id, mesh, name };
    this.#facts = nodeFacts(info.metadata);
    void this.#admit(info);
  }

  async #admit(info: ProxyInfo): Promise<void> {
    const { admit, log } = this.#options;
    try {
      await this.#context.connecting(
        () => admit(info),
        () => this.#isOver,
      );
    } catch (error) {
      if (error instanceof StreamRefused) {
        this.#end(error.code, error.message);
        return;
      }
      log.error({ err: error, proxy: info.id }, "a health discovery stream could not be let in");
      this.#end("unavailable", "the control plane could not let this proxy in; its log has the reason");
      return;
    }
    if (this.#isOver) return;
    this.#isAdmitted = true;
    this.#context.began(info);
    this.refresh();
  }

  /** Envoy repeats itself all the time: the same report about the same Dataplane changes nothing again. */
  #isKnown(bytes: Buffer): boolean {
    const seen = this.#seen;
    return (
      seen?.revision !== undefined &&
      seen.bytes.equals(bytes) &&
      this.#dataplane()?.revision === seen.revision
    );
  }

  #report(report: HealthReport, bytes: Buffer): void {
    const { writer } = this.#context;
    const { isDraining, isStarting } = this.#options;
    const key = this.#node;
    const stored = this.#dataplane();
    if (key === undefined || stored === undefined) return;
    if (isStarting(key)) return;
    const time = this.#options.monotonic();
    const isDone = (check: AdminCheck | ProbeCheck): boolean =>
      time >= (this.#due.get(JSON.stringify(check)) ?? Number.POSITIVE_INFINITY);
    const next = (spec: DataplaneSpec): DataplaneSpec =>
      withFindings(spec, findingsOf(this.#checks(spec), report, isDone), isDraining(key));
    const isNews = next(stored.spec) !== stored.spec;
    const mayChange = isNews || isDraining(key) || this.#due.values().some((due) => time < due);
    this.#seen = { bytes: Buffer.from(bytes), revision: mayChange ? undefined : stored.revision };
    if (isNews) writer.add(key, ({ spec }) => (this.#isOver || isStarting(key) ? spec : next(spec)));
  }

  /** A check that goes on is done when it was; one that begins has the time that its first attempt may take. */
  #dueTimes({ admin, inbounds }: HealthChecks): Map<string, number> {
    const time = this.#options.monotonic();
    const all = [admin, ...inbounds].filter((check) => check !== undefined);
    return new Map(
      all.map((check) => {
        const key = JSON.stringify(check);
        return [key, this.#due.get(key) ?? time + check.pace.timeoutMs + BUSY_MS];
      }),
    );
  }

  #checks(spec: DataplaneSpec | undefined): HealthChecks {
    if (spec === undefined || this.#facts === undefined) return { admin: undefined, inbounds: [] };
    return healthChecks(spec, this.#facts, this.#options.defaults);
  }

  #dataplane(): DataplaneResource | undefined {
    const { mesh, name } = this.#node ?? {};
    if (mesh === undefined || name === undefined) return undefined;
    return this.#options.store.get<DataplaneResource>({ type: "Dataplane", mesh, name });
  }

  #end(status: GrpcStatus, message: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (status !== "ok") {
      const { peer } = this.#call;
      this.#options.log.warn(
        { proxy: this.#node?.id, peer, status },
        `health discovery stream ended: ${message}`,
      );
    }
    this.#call.end(status, message);
  }
}
