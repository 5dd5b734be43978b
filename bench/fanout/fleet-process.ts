import { readFileSync } from "node:fs";
import { wallMs } from "../harness/clock.ts";
import { type AckRecord, launcherMetadata, type SimulatedFleet, startFleet } from "../xds-client/client.ts";
import { transparentMetadata } from "../xds-client/transparent-metadata.ts";
import type { FleetAnswers, FleetRequest, FleetState, ProxyObservation } from "./fleet-protocol.ts";
import { broughtDataplane, calledBy, MESH, modelMesh } from "./mesh-model.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

let fleet: SimulatedFleet | undefined;
let observations = new Map<number, Mutable<ProxyObservation>>();
let quietSince = 0;
let calls: readonly number[] = [];
const closed: string[] = [];

function record(ack: AckRecord): void {
  quietSince = ack.at;
  let seen = observations.get(ack.proxy);
  if (seen === undefined) {
    seen = { proxy: ack.proxy, last: 0, resources: 0 };
    observations.set(ack.proxy, seen);
  }
  seen[ack.type] ??= ack.at;
  seen.last = ack.at;
  seen.resources += ack.names.length + ack.removed.length;
}

async function answer(request: FleetRequest): Promise<FleetAnswers[FleetRequest["kind"]]> {
  switch (request.kind) {
    case "start":
      return await start(request);
    case "observe":
      observations = new Map();
      return true;
    case "observed":
      return [...observations.values()];
    case "state":
      return state();
    case "reconnect":
      await fleet?.reconnectAll();
      return { connectedAt: wallMs() };
  }
}

async function start(request: Extract<FleetRequest, { kind: "start" }>): Promise<FleetAnswers["start"]> {
  const model = modelMesh(request.proxies, request.services);
  calls = model.map((proxy) => calledBy(proxy, request.reach, request.services));
  fleet = await startFleet({
    count: request.proxies,
    target: request.target,
    caPem: readFileSync(request.caFile, "utf8"),
    rampMs: request.rampMs,
    token: (index) => request.tokens[index] ?? "",
    nodeFor: (index) => {
      const proxy = model[index];
      if (proxy === undefined) throw new RangeError(`there is no proxy ${index}`);
      const resource = JSON.parse(JSON.stringify(broughtDataplane(proxy, request.reach)));
      return {
        id: `${MESH}.${proxy.name}`,
        cluster: proxy.service,
        metadata:
          request.reach === "outbounds"
            ? launcherMetadata(resource)
            : launcherMetadata(resource, transparentMetadata(index)),
      };
    },
    onAck: record,
    onClose: (proxy, reason) => closed.push(`${model[proxy]?.name}: ${reason}`),
  });
  return { readyAt: wallMs() };
}

function state(): FleetState {
  const proxies = fleet?.proxies ?? [];
  const { resources = 0, bytes = 0, responses = 0 } = fleet?.totals() ?? {};
  return {
    connected: proxies.filter(({ connected }) => connected).length,
    complete: proxies.filter(
      ({ index, held, awaited }) =>
        awaited === 0 &&
        held.cluster.size >= (calls[index] ?? 0) &&
        held.endpoint.size >= (calls[index] ?? 0) &&
        held.listener.size > (calls[index] ?? 0) &&
        held.secret.size >= 2,
    ).length,
    quietSince,
    resources,
    bytes,
    responses,
    closed: closed.splice(0),
  };
}

process.on("message", ({ id, request }: { id: number; request: FleetRequest }) => {
  answer(request).then(
    (value) => process.send?.({ id, value }),
    (error: unknown) => process.send?.({ id, error: error instanceof Error ? error.stack : String(error) }),
  );
});
process.on("disconnect", () => process.exit(0));
