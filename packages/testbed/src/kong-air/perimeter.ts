import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeTestCertificate } from "@skein/control-plane/xds/testing/certificate";
import { APP_UID, TransparentScene } from "../flows/transparent-scene.ts";
import { createNetwork } from "../net/network.ts";
import { isAlive } from "../net/owner.ts";
import { until } from "../poll.ts";
import type { World } from "../world/world.ts";
import { MESH_YAML } from "./cast.ts";

const NAME = "perimeter";
const READY = "the perimeter is up";
/** Machines outside of the mesh, and the names that they have. */
const OUTSIDE = {
  weather: ["api.weather.example", "radar.weather.example", "weather.example"],
  aeropay: ["pay.aeropay.example"],
};

/** Starts the process that holds the machines, and waits until everything on them is up. */
export async function startPerimeter(world: World, command: readonly string[]): Promise<void> {
  const child = await world.startPart("server", NAME, command);
  await until(
    "the perimeter is up",
    () => {
      if (!child.running) throw new Error(child.tail());
      return child.tail().includes(READY);
    },
    { timeoutMs: 120_000 },
  );
}

/** Ends the machines and what runs on them, where there are any. */
export async function stopPerimeter(world: World): Promise<void> {
  const part = world.parts.find(({ kind, name }) => kind === "server" && name === NAME);
  if (part === undefined) return;
  if (isAlive(part.owner)) process.kill(part.owner.pid, "SIGTERM");
  await until("the perimeter is gone", () => !isAlive(part.owner), { timeoutMs: 30_000 });
  world.forgetPart("server", NAME);
}

/**
 * Holds machines of their own until it is told to end: `passenger-portal`, whose connections are redirected to its proxy by
 * `skeinctl install transparent-proxy`, and two outside of the mesh, `weather` and `aeropay`, with servers of many kinds. The
 * command `portal` runs another one as the portal's application does. Needs root.
 */
export async function holdPerimeter(world: World): Promise<void> {
  // Before the control plane, whose certificate names the addresses that this machine has.
  await using network = await createNetwork({
    hosts: ["passenger-portal", ...Object.keys(OUTSIDE)],
    uplink: true,
  });
  await world.startControlPlane();
  await world.apply(MESH_YAML);
  const scene = new TransparentScene(world, network);
  const files = { certificate: join(network.dir, "outside.pem"), key: join(network.dir, "outside-key.pem") };
  const { certPem: certificate, keyPem: key } = await makeTestCertificate(Object.values(OUTSIDE).flat());
  writeFileSync(files.certificate, certificate);
  writeFileSync(files.key, key);
  const portal = network.host("passenger-portal");
  const addresses: Record<string, string> = {};
  for (const [host, names] of Object.entries(OUTSIDE)) {
    const machine = network.host(host);
    const script = join(import.meta.dirname, "../flows/outside/servers.ts");
    const servers = await machine.start("servers", [process.execPath, script, files.certificate, files.key]);
    await until(`${host} listens`, () => servers.tail().includes("all listen"), { timeoutMs: 30_000 });
    for (const name of [host, ...names]) addresses[name] = machine.ipv4;
  }
  portal.names(addresses);
  await scene.startProxy("passenger-portal", {
    networking: { inbound: [{ port: 8080, protocol: "http" }] },
    args: ["--transparent-proxy", "--unified-naming"],
  });
  const words = portal.command([], { uid: APP_UID }).map((word) => `'${word}'`);
  const shim = join(world.site.dir, "bin", "portal");
  writeFileSync(shim, `#!/bin/sh\nCURL_CA_BUNDLE='${files.certificate}' exec ${words.join(" ")} "$@"\n`);
  chmodSync(shim, 0o755);
  console.log(READY);
  await new Promise<void>((resolve) => process.once("SIGTERM", resolve));
}
