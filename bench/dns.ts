import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { until, withWorld } from "@skein/testbed";
import { dnsLoad } from "./dns/load.ts";
import type { Figure, Report } from "./harness/figure.ts";
import type { BenchOptions } from "./harness/options.ts";
import { cpuSeconds, residentMb } from "./harness/process-usage.ts";
import { serviceAddress } from "./harness/service-address.ts";

const MESH = "bench";
const RESOLVER_PORT = 5300;
const RESOLVER = fileURLToPath(new URL("./dns/resolver-process.ts", import.meta.url));
const NAME = "server.svc.mesh.local";

/** DNS of a real sidecar on loopback: names of the mesh, and names that it relays, against the resolver asked directly. */
export async function dns({ loadSeconds: seconds }: BenchOptions): Promise<readonly Report[]> {
  return withWorld(
    async (world) => {
      const { block, dir } = world.site;
      await world.startControlPlane({ KUMA_IPAM_MESH_SERVICE_CIDR: `${block.prefix}.192/26` });
      await world.apply(`{type: Mesh, name: ${MESH}, meshServices: {mode: Exclusive}}`);
      await world.startService({ service: "server", host: 11 });
      const upstream = { address: block.address(3), port: RESOLVER_PORT };
      const resolver = await world.startServer("resolver", [
        process.execPath,
        ...[RESOLVER, upstream.address, String(upstream.port)],
      ]);
      await until("the resolver listens", () => resolver.tail().includes("listening"));
      const resolvConf = join(dir, "resolv.conf");
      writeFileSync(resolvConf, `nameserver [${upstream.address}]:${upstream.port}\n`);
      const address = await serviceAddress(world.controlPlane.api, MESH, "server");
      const outbounds = [{ service: "server", port: 8080, address }];
      const client = await world.startSidecar({
        service: "client",
        host: 12,
        outbounds,
        dns: { resolvConf },
      });
      const proxy = { address: client.address, port: 15_053 };
      const launcher = client.child.pid;
      const before = residentMb(launcher).now;
      const figures: Figure[] = [];
      for (const open of [1, 32]) {
        for (const [way, order] of [
          ["the resolver, directly", { ...upstream, name: "example.org", distinct: true }],
          ["a name of the mesh", { ...proxy, name: NAME, distinct: false }],
          ["other names, each another", { ...proxy, name: "example.org", distinct: true }],
          ["one other name", { ...proxy, name: "example.org", distinct: false }],
        ] as const) {
          const used = cpuSeconds(launcher);
          const { answers, median, p99 } = await dnsLoad({ ...order, open, seconds });
          const name = `dns: ${open} under way, ${way}`;
          figures.push(
            { figure: `${name}, answers`, value: answers / seconds, unit: "1/s" },
            { figure: `${name}, median`, value: median, unit: "µs" },
            { figure: `${name}, p99`, value: p99, unit: "µs" },
          );
          if (order.address === proxy.address) {
            // The warm-up takes as much as its part of the time.
            const perAnswer = ((cpuSeconds(launcher) - used) * 1e6 * seconds) / ((seconds + 1) * answers);
            figures.push({ figure: `${name}, CPU of an answer`, value: perAnswer, unit: "µs" });
          }
        }
      }
      figures.push(
        { figure: "dns: resident memory, launcher before", value: before, unit: "MB" },
        { figure: "dns: resident memory, launcher after", value: residentMb(launcher).now, unit: "MB" },
      );
      return [{ title: "DNS: one real sidecar and one resolver on loopback", figures }];
    },
    { mesh: MESH },
  );
}
