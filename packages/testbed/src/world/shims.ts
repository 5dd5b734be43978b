import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./commands.ts";
import { controlPlaneSettings } from "./control-plane.ts";
import type { World } from "./world.ts";

/**
 * Puts `skein-cp`, `skein-dp`, `skeinctl`, `kong-air` and `kong-air-app` into `<dir>/bin`: small scripts that run the
 * workspace's sources against this world, whatever shell they are called from. Answers with that directory.
 */
export function writeShims(world: World): string {
  const bin = join(world.site.dir, "bin");
  mkdirSync(bin, { recursive: true });
  const { controlPlane, dataPlane, ctl, app } = world.commands;
  const kongAir = [process.execPath, `${ROOT}/packages/testbed/src/kong-air/main.ts`];
  const settings = { ...world.environment, ...controlPlaneSettings(world.site) };
  shim(bin, "skein-cp", controlPlane, settings);
  shim(bin, "skein-dp", dataPlane, world.environment);
  shim(bin, "skeinctl", [...ctl, "--config-file", world.ctlConfigFile], marks(world));
  shim(bin, "kong-air", kongAir, world.environment);
  shim(bin, "kong-air-app", app, world.environment);
  if (!onPath("curl"))
    shim(bin, "curl", [process.execPath, `${ROOT}/packages/testbed/src/pages/curl.ts`], {});
  return bin;
}

/** Number, in the world's block, of the address at which servers outside the mesh are. */
export const OUTSIDE_HOST = 99;
/** Host number of the gateway that clients outside the mesh call. */
export const EDGE_HOST = 98;

/** What the page's shell knows about the world: where the control plane and the services are. */
export function pageVariables(world: World): Readonly<Record<string, string>> {
  const { block } = world.site;
  return {
    ...marks(world),
    CP: world.controlPlane.api,
    CP_DATAPLANES: world.controlPlane.dataplanes,
    CP_CERT: world.controlPlane.caFile,
    PASSENGER_PORTAL: block.address(11),
    CHECK_IN_API: block.address(12),
    FLIGHT_CONTROL: block.address(13),
    PASSENGER_PORTAL_APP: block.address(111),
    CHECK_IN_API_APP: block.address(112),
    FLIGHT_CONTROL_APP: block.address(113),
    BAGGAGE: block.address(91),
    BAGGAGE_APP: block.address(191),
    EDGE: block.address(EDGE_HOST),
    OUTSIDE: block.address(OUTSIDE_HOST),
  };
}

function marks(world: World): Record<string, string> {
  const { SKEIN_WORLD = "", SKEIN_BLOCK = "", SKEIN_DIR = "" } = world.environment;
  return { SKEIN_WORLD, SKEIN_BLOCK, SKEIN_DIR };
}

function shim(
  bin: string,
  name: string,
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): void {
  const exports = Object.entries(env)
    .filter(([key]) => key !== "NO_COLOR" && key !== "PATH")
    .map(([key, value]) => `export ${key}="\${${key}:-${value}}"`);
  const path = env.PATH === undefined ? [] : [`export PATH=${quote(env.PATH)}`];
  const text = ["#!/bin/sh", ...path, ...exports, `exec ${command.map(quote).join(" ")} "$@"`, ""].join("\n");
  const file = join(bin, name);
  writeFileSync(file, text);
  chmodSync(file, 0o755);
}

function onPath(name: string): boolean {
  return (process.env.PATH ?? "").split(":").some((dir) => dir !== "" && existsSync(join(dir, name)));
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
