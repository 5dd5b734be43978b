import { Resolver } from "node:dns/promises";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { createLogger } from "../../log.ts";
import { runDns } from "../run-dns.ts";
import { startResolver } from "./resolver.ts";

/* The parts of a test that run in a network namespace of their own: `node redirected-process.ts ROLE ARGUMENT…`. */

const [role = "", ...args] = process.argv.slice(2);

const roles: Readonly<Record<string, (...args: readonly string[]) => Promise<void>>> = {
  /** The machine's resolvers, at port 53 of these addresses. */
  async resolver(...addresses) {
    for (const address of addresses) await startResolver(address, undefined, 53);
    console.log("listening");
  },
  /** DNS of a launcher with one name, with its files in a directory. */
  async launcher(directory = "", ...resolvers) {
    const configSocket = join(directory, "config.sock");
    const resolvConf = join(directory, "resolv.conf");
    writeFileSync(resolvConf, resolvers.map((address) => `nameserver ${address}\n`).join(""));
    const records = [{ name: "orders.mesh.local", ips: ["241.0.0.1"] }];
    createServer((_request, response) =>
      response.setHeader("etag", "1").end(JSON.stringify({ records })),
    ).listen(configSocket);
    const plan = { addresses: ["127.0.0.1", "::1"], port: 15053, configSocket, resolvConf };
    const dns = await runDns(plan, createLogger({ level: "info", json: false }));
    while (dns?.settled() === false) await new Promise((resolve) => setTimeout(resolve, 20));
    console.log("listening");
  },
  /** An application that asks the machine's resolver for a name and writes what it hears. */
  async client(resolver = "", name = "") {
    const client = new Resolver({ timeout: 7_000, tries: 1 });
    client.setServers([resolver]);
    const found = await client.resolve4(name).catch((error: NodeJS.ErrnoException) => [error.code]);
    console.log(found.join(" "));
  },
};

await roles[role]?.(...args);
