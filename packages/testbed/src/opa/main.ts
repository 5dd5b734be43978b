#!/usr/bin/env node
import { readFileSync } from "node:fs";
import type { Http2Server } from "node:http2";
import { parseArgs } from "node:util";
import { type BundleService, followBundle } from "./bundle-client.ts";
import { extAuthzServer } from "./ext-authz.ts";
import { Rego } from "./rego.ts";

/*
 * An agent for tests where there is no OPA: `opa run --server --config-file FILE`, as far as skein-dp uses it. It finds its
 * configuration and its rules by OPA's bundle protocol, evaluates Rego and serves Envoy.
 */

interface BootConfig {
  readonly services: Readonly<Record<string, BundleService>>;
  readonly discovery: { readonly service: string; readonly resource: string };
}

interface DiscoveredConfig {
  readonly bundles: Readonly<Record<string, { readonly service: string; readonly resource: string }>>;
  readonly plugins: { readonly envoy_ext_authz_grpc: { readonly addr: string; readonly path: string } };
}

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    server: { type: "boolean" },
    addr: { type: "string" },
    "diagnostic-addr": { type: "string" },
    "config-file": { type: "string" },
    "skip-version-check": { type: "boolean" },
    set: { type: "string", multiple: true },
  },
});
const boot = JSON.parse(readFileSync(values["config-file"] ?? "", "utf8")) as BootConfig;
const rego = new Rego();
const ended = new AbortController();
let following = new AbortController();
let server: Http2Server | undefined;

const serviceOf = (name: string): BundleService => {
  const service = boot.services[name];
  if (service === undefined) throw new Error(`there is no service ${name}`);
  return service;
};

const load = async (files: Readonly<Record<string, string>>): Promise<void> => {
  await rego.load(Object.fromEntries(Object.entries(files).filter(([path]) => path.endsWith(".rego"))));
};

const configure = async (files: Readonly<Record<string, string>>): Promise<void> => {
  const { bundles, plugins } = JSON.parse(files["data.json"] ?? "") as DiscoveredConfig;
  following.abort();
  following = new AbortController();
  for (const { service, resource } of Object.values(bundles))
    void followBundle(serviceOf(service), resource, load, following.signal);
  if (server !== undefined) return;
  const { addr, path } = plugins.envoy_ext_authz_grpc;
  const { hostname, port } = new URL(`http://${addr}`);
  server = extAuthzServer((input) => rego.evaluate(`data.${path.replaceAll("/", ".")}`, input));
  server.listen(Number(port), hostname.replace(/^\[|\]$/g, ""), () =>
    process.stdout.write(`opa: serves ${addr}\n`),
  );
};

process.on("SIGTERM", () => {
  ended.abort();
  following.abort();
  rego.close();
  process.exit(0);
});
await followBundle(serviceOf(boot.discovery.service), boot.discovery.resource, configure, ended.signal);
