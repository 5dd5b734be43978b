import { readFileSync } from "node:fs";
import { launcherMetadata, startFleet } from "../../../../../bench/xds-client/client.ts";
import { simulatedDataplane } from "./simulated.ts";

/** One well-behaved simulated proxy in a process of its own, which a test can stop with SIGSTOP. */
const [target = "", caFile = "", mesh = "", name = "", token = ""] = process.argv.slice(2);
await startFleet({
  count: 1,
  target,
  caPem: readFileSync(caFile, "utf8"),
  token: () => token,
  nodeFor: () => ({
    id: `${mesh}.${name}`,
    cluster: name,
    metadata: launcherMetadata(simulatedDataplane(mesh, name)),
  }),
});
console.log("ready");
