import type { Child } from "../process/child.ts";
import type { DataplaneSpec, Outbound } from "./dataplane.ts";

/** An app of the world; what it may call are outbounds of its sidecar. */
export interface AppSpec {
  readonly service: string;
  /** Default: the service's name. */
  readonly instance?: string;
  readonly version?: string;
  /** Host number in the block: the sidecar's address; the app's is 100 higher. Default: the next free one from 11. */
  readonly host?: number;
  readonly outbounds?: readonly Outbound[];
  readonly tcp?: boolean;
  readonly grpc?: boolean;
}

/** An app with its sidecar. */
export interface ServiceSpec extends AppSpec {
  /** Labels of the Dataplane, besides `app` and `kuma.io/workload`, which are the service's name. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly protocol?: DataplaneSpec["protocol"];
  /** `networking.transparentProxying` of the Dataplane. */
  readonly transparentProxying?: object;
  /** How long it may take until it is ready; default 30 s. */
  readonly readyMs?: number;
  /** Settings of its launcher, besides those that every sidecar here has. */
  readonly settings?: Readonly<Record<string, string>>;
  /** An authorization agent runs beside Envoy: the world's, or this program. */
  readonly opa?: true | string;
}

/** A running app. */
export interface App {
  readonly name: string;
  /** Base URL of the app itself, past its sidecar: what its own user or process would see. */
  readonly url: string;
  readonly child: Child;
}

/** A running sidecar: launcher and Envoy. */
export interface Sidecar {
  readonly name: string;
  /** Address at which the mesh reaches it. */
  readonly address: string;
  readonly child: Child;
  readonly adminSocket: string;
  /** Answer of Envoy's admin endpoint. */
  admin(path: string): Promise<string>;
  stats(filter: string): Promise<ReadonlyMap<string, number>>;
}

/** A running app with its sidecar. */
export interface Service {
  readonly app: App;
  readonly sidecar: Sidecar;
}
