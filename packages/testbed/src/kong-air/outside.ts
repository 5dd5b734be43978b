import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { outsideCa } from "../outside/ca.ts";
import { outsideServer } from "../outside/server.ts";
import { until } from "../poll.ts";
import { OUTSIDE_HOST } from "../world/shims.ts";
import type { World } from "../world/world.ts";

const PORT = 8443;

/**
 * Starts an HTTPS server that is no part of the mesh, at the world's address for such. Its CA, and a certificate with
 * which clients can show who they are, are left in the current directory.
 */
export async function startOutside(world: World, name: string, demandsCertificate: boolean): Promise<string> {
  const ca = await outsideCa(`${name} CA`);
  const server = await ca.issue(name, [`${name}.example.com`]);
  const client = await ca.issue("kong-air", []);
  const files = { cert: server.cert, key: server.key, ca: ca.pem };
  for (const [part, text] of Object.entries(files)) {
    writeFileSync(outsideFile(world, name, part), text, { mode: 0o600 });
  }
  writeFileSync(`${name}-ca.pem`, ca.pem);
  writeFileSync(`${name}-client.pem`, client.cert);
  writeFileSync(`${name}-client-key.pem`, client.key, { mode: 0o600 });
  const demand = demandsCertificate ? ["--demand"] : [];
  const command = [process.execPath, process.argv[1] ?? "", "outside", "run", name, ...demand];
  const child = await world.startPart("server", name, command);
  await until(`${name} listens`, () => child.tail().includes("listening"));
  return `${outsideAddress(world)}:${PORT}`;
}

/** What a process that `startOutside` began does: it serves until it is ended. */
export async function runOutside(
  world: World,
  args: readonly string[],
  read: (file: string) => string,
): Promise<never> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { demand: { type: "boolean", default: false } },
  });
  const [name = ""] = positionals;
  const [cert, key, ca] = ["cert", "key", "ca"].map((part) => read(outsideFile(world, name, part)));
  const tls = { ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) };
  const asking = values.demand && ca !== undefined ? { ca, requestCert: true, rejectUnauthorized: true } : {};
  await outsideServer(name, { ...tls, ...asking }, { address: outsideAddress(world), port: PORT });
  console.log("listening");
  return await new Promise(() => {});
}

/** Where servers outside the mesh are. */
export function outsideAddress(world: World): string {
  return world.site.block.address(OUTSIDE_HOST);
}

function outsideFile(world: World, name: string, part: string): string {
  return join(world.site.dir, `outside-${name}-${part}.pem`);
}
