import { readFileSync } from "node:fs";
import { type ClientHttp2Session, connect } from "node:http2";
import type { JsonObject } from "@bufbuild/protobuf";
import { openDelta, type TestDeltaCall } from "@skein/control-plane/xds/testing/grpc-client";
import { TYPE_URL } from "@skein/envoy-api";
import { launcherMetadata, type SimulatedFleet, startFleet } from "../../../../../bench/xds-client/client.ts";
import type { World } from "../../world/world.ts";
import type { Api } from "./api.ts";

export type { SimulatedFleet, SimulatedProxy } from "../../../../../bench/xds-client/client.ts";

/** Names of the simulated proxies of {@link joinFleet}: `sim-0`, `sim-1` ... */
export function simulatedName(index: number): string {
  return `sim-${index}`;
}

/** A Dataplane that no process stands behind. */
export function simulatedDataplane(
  mesh: string,
  name: string,
  options: { readonly service?: string; readonly index?: number; readonly calls?: readonly string[] } = {},
): JsonObject {
  const { service = name, index = 1, calls = [] } = options;
  return {
    type: "Dataplane",
    mesh,
    name,
    labels: { app: service, "kuma.io/workload": service },
    networking: {
      address: `10.20.${(index >> 8) & 255}.${index & 255}`,
      inbound: [{ port: 8080, servicePort: 8080, protocol: "http", tags: { "kuma.io/service": service } }],
      outbound: calls.map((called, port) => ({
        address: "127.0.0.1",
        port: 20_001 + port,
        backendRef: { kind: "MeshService", name: called, port: 8080 },
      })),
    },
  };
}

/** Connects well-behaved simulated proxies, each calling the one before it, and waits until all know whom they call. */
export async function joinFleet(
  world: World,
  api: Api,
  count: number,
  onClose?: (proxy: number, reason: string) => void,
): Promise<SimulatedFleet> {
  const { mesh } = world;
  const token = await api.dataplaneToken({ mesh });
  const fleet = await startFleet({
    count,
    target: world.controlPlane.dataplanes,
    caPem: readFileSync(world.controlPlane.caFile, "utf8"),
    token: () => token,
    nodeFor: (index) => {
      const calls = [simulatedName(index === 0 ? count - 1 : index - 1)];
      const name = simulatedName(index);
      return {
        id: `${mesh}.${name}`,
        cluster: name,
        metadata: launcherMetadata(simulatedDataplane(mesh, name, { index: index + 1, calls })),
      };
    },
    extensionBytes: 1_000,
    ...(onClose === undefined ? {} : { onClose }),
  });
  await fleet.until(() => fleet.proxies.every(({ held }) => held.endpoint.size > 0), 60_000);
  return fleet;
}

/** A delta ADS stream that does nothing by itself. */
export interface BareProxy extends Disposable {
  readonly call: TestDeltaCall;
  readonly session: ClientHttp2Session;
  /** What the stream ended with; `undefined` while it is open. */
  readonly ended: { readonly code: number; readonly message: string } | undefined;
}

/** Who a {@link BareProxy} says it is. */
export interface BareProxyOptions {
  readonly mesh?: string;
  readonly name: string;
  readonly token: string;
  /** Default: one of {@link simulatedDataplane}. */
  readonly dataplane?: JsonObject;
  /** It brings no Dataplane along: somebody else made that. */
  readonly empty?: true;
  /** Bytes that may be under way to it; default 64 KiB. */
  readonly window?: number;
}

/** Opens a stream and asks for clusters and listeners. */
export function connectBare(world: World, options: BareProxyOptions): BareProxy {
  const { mesh = world.mesh, name, token } = options;
  const session = connect(world.controlPlane.dataplanes, {
    ca: readFileSync(world.controlPlane.caFile),
    settings: { initialWindowSize: options.window ?? 65_535 },
  });
  session.on("error", () => {});
  const call = openDelta(session, { authorization: token });
  const { "dataplane.resource": brought, ...own } = launcherMetadata(
    options.dataplane ?? simulatedDataplane(mesh, name),
  );
  const metadata: JsonObject =
    options.empty || brought === undefined ? own : { ...own, "dataplane.resource": brought };
  call.request({ node: { id: `${mesh}.${name}`, cluster: name, metadata }, typeUrl: TYPE_URL.cluster });
  call.request({ typeUrl: TYPE_URL.listener });
  return {
    call,
    session,
    get ended() {
      return call.status;
    },
    [Symbol.dispose]: () => session.destroy(),
  };
}

/** Refuses whatever comes, with Envoy's kind of message, and says how much it refused. */
export function refuseEverything(proxy: BareProxy): () => number {
  let answered = 0;
  const look = (): void => {
    for (const { typeUrl, nonce, resources } of proxy.call.responses().slice(answered)) {
      answered++;
      const kind = typeUrl === TYPE_URL.listener ? "listener" : "cluster";
      const failures = resources.map(({ name }) => `${name}: no such thing here`);
      const separator = kind === "listener" ? "\n" : ", ";
      const message = `Error adding/updating ${kind}(s) ${failures.join(separator)}`;
      proxy.call.request({ typeUrl, responseNonce: nonce, errorDetail: { code: 13, message } });
    }
  };
  proxy.call.stream.on("data", look);
  look();
  return () => answered;
}
