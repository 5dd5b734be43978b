import { liveWorld, put } from "../../preview/testing/live-world.ts";

const of = { mesh: "default" };

/** The service of bytes. */
export const DB = { kind: "MeshService", name: "db" };

/** A document with a spec. */
export const document = (type: string, name: string, spec: object, labels: object = {}) => ({
  ...{ type, ...of, name, labels, spec },
});

/** The API of a mesh in which these call `db`, whose port has no appProtocol; each has one proxy, `<name>-0`. */
export async function callingBytes(
  callers: readonly string[],
  ...policies: readonly Readonly<Record<string, unknown>>[]
) {
  const { api } = liveWorld();
  const dataplane = (app: string, host: number, protocol: string, outbound: readonly object[]) => ({
    ...{ type: "Dataplane", ...of, name: `${app}-0`, labels: { app } },
    networking: {
      address: `127.1.1.${host}`,
      inbound: [{ name: "main", port: 8080, protocol, tags: { "kuma.io/service": app } }],
      outbound,
    },
  });
  const calls = [{ port: 10_001, backendRef: { ...DB, port: 5432 } }];
  await put(
    api,
    {
      type: "Mesh",
      name: "default",
      meshServices: { mode: "Exclusive" },
      skipCreatingInitialPolicies: ["*"],
    },
    document("MeshService", "db", {
      selector: { dataplaneLabels: { matchLabels: { app: "db" } } },
      ports: [{ port: 5432, targetPort: 8080 }],
    }),
    dataplane("db", 1, "tcp", []),
    ...callers.map((app, i) => dataplane(app, i + 2, "http", calls)),
    ...policies,
  );
  return api;
}
