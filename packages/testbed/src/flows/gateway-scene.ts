import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { EchoAnswer } from "../apps/answer.ts";
import { callFromOutside, type OutsideAnswer, type OutsideRequest } from "../outside/client.ts";
import { type OutsideServer, outsideServer } from "../outside/server.ts";
import { until } from "../poll.ts";
import type { Sidecar } from "../world/service.ts";
import { type World, withWorld } from "../world/world.ts";
import { identity, idOf, meshTls } from "./documents.ts";
import { documents, MESH, meshYaml, policy, resource } from "./scene.ts";

export const GATEWAY = "edge";
export const HTTP_PORT = 18_080;
export const HTTPS_PORT = 18_443;

/** A strict mesh whose services let in the gateway and nobody else, and the gateway, called from outside. */
export interface GatewayScene {
  readonly world: World;
  readonly gateway: Sidecar;
  /** A server outside, known to the mesh as `partner`. */
  readonly partner: OutsideServer;
  /** One request; on the plain port where it says nothing else. */
  readonly call: (request: Partial<OutsideRequest> & { readonly host: string }) => Promise<OutsideAnswer>;
  /** Waits until a request is answered with this status. */
  readonly becomes: (
    status: number,
    request: Partial<OutsideRequest> & { readonly host: string },
  ) => Promise<OutsideAnswer>;
  /** Messages of the conditions of the gateway's plan. */
  readonly conditions: () => Promise<readonly string[]>;
}

/** A MeshGateway that the scene's gateway serves. */
export function meshGateway(listeners: readonly object[], name = "edge-gateway"): string {
  return resource("MeshGateway", name, {
    selectors: [{ match: { "kuma.io/service": GATEWAY } }],
    conf: { listeners },
  });
}

/** A MeshHTTPRoute of the gateway with one `to` entry for these host names. */
export function httpRoute(
  name: string,
  rules: readonly object[],
  { hostnames, tags }: { readonly hostnames?: readonly string[]; readonly tags?: object } = {},
): string {
  return policy("MeshHTTPRoute", name, {
    targetRef: { kind: "MeshGateway", name: "edge-gateway", ...(tags === undefined ? {} : { tags }) },
    to: [{ targetRef: { kind: "Mesh" }, ...(hostnames === undefined ? {} : { hostnames }), rules }],
  });
}

/** A MeshTCPRoute of the gateway. */
export function tcpRoute(name: string, tags: object, backendRefs: readonly object[]): string {
  return policy("MeshTCPRoute", name, {
    targetRef: { kind: "MeshGateway", name: "edge-gateway", tags },
    to: [{ targetRef: { kind: "Mesh" }, rules: [{ default: { backendRefs } }] }],
  });
}

/** A rule for all paths below one. */
export function below(value: string, backend: object, filters?: readonly object[]): object {
  return {
    matches: [{ path: { type: "PathPrefix", value } }],
    default: { ...(filters === undefined ? {} : { filters }), ...backend },
  };
}

/** Everything to one MeshService. */
export function to(...names: readonly string[]): { readonly backendRefs: readonly object[] } {
  return { backendRefs: names.map((name) => ({ kind: "MeshService", name, port: 8080 })) };
}

/** A Secret with these texts in one. */
export function secretOf(name: string, ...texts: readonly string[]): string {
  return resource("Secret", name, { data: Buffer.from(texts.join("")).toString("base64") });
}

/** The answer of an app. */
export function echoed({ status, body }: OutsideAnswer): EchoAnswer {
  assert.equal(status, 200, body);
  return JSON.parse(body) as EchoAnswer;
}

/** @param mesh fields of the Mesh; @param issuing what gives its proxies identities and decides who may call */
export async function withGateway(
  t: TestContext,
  gateway: string,
  body: (scene: GatewayScene) => Promise<void>,
  { mesh = meshYaml(), issuing = strict() }: { readonly mesh?: string; readonly issuing?: string } = {},
): Promise<void> {
  const partner = await outsideServer("partner", undefined);
  t.after(() => partner.close());
  await withWorld(async (world) => {
    await world.startControlPlane({ KUMA_XDS_DATAPLANE_DEREGISTRATION_DELAY: "500ms" });
    await world.apply(
      documents(
        mesh,
        issuing,
        policy("MeshExternalService", "partner", {
          match: { type: "HostnameGenerator", port: 80, protocol: "http" },
          endpoints: [{ address: "partner.localhost", port: partner.port }],
        }),
        gateway,
      ),
    );
    const [sidecar] = await Promise.all([
      world.startGateway(GATEWAY, 11),
      world.startService({ service: "check-in-api", host: 12 }),
      world.startService({ service: "passenger-portal", host: 13 }),
      world.startService({ service: "flight-control", host: 14, tcp: true }),
    ]);
    const call: GatewayScene["call"] = (request) =>
      callFromOutside({ address: sidecar.address, port: HTTP_PORT, ...request });
    await body({
      world,
      partner,
      call,
      gateway: sidecar,
      becomes: async (status, request) => {
        let last: OutsideAnswer | undefined;
        await until(`${request.host}${request.path ?? "/"} is answered ${status}`, async () => {
          last = await call(request);
          if (last.status !== status) throw new Error(JSON.stringify(last));
          return true;
        });
        return last as OutsideAnswer;
      },
      conditions: async () => {
        const url = `${world.controlPlane.api}/meshes/${MESH}/dataplanes/${GATEWAY}/_plan`;
        const plan = (await (await fetch(url)).json()) as { conditions?: readonly { message: string }[] };
        return (plan.conditions ?? []).map(({ message }) => message);
      },
    });
  });
}

function strict(): string {
  return documents(
    identity(),
    meshTls({ mode: "Strict" }),
    policy("MeshTrafficPermission", "edge-only", {
      rules: [{ default: { allow: [{ spiffeID: { type: "Exact", value: idOf(GATEWAY) } }] } }],
    }),
  );
}
