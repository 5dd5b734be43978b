import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

/** Stands in for a sidecar: ready at once, with an admin socket that counts requests. Prints what it was given. */
const env = process.env;
const args = process.argv.slice(2);
const value = (flag: string): string => args[args.indexOf(flag) + 1] ?? "";
console.log(
  readFileSync(value("--dataplane-token-file"), "utf8"),
  readFileSync(value("--dataplane-file"), "utf8"),
);
createServer((_, response) => response.end("LIVE\n")).listen(
  Number(env.KUMA_READINESS_PORT),
  env.SKEIN_READINESS_ADDRESS,
);
createServer((_, response) => response.end("http.requests: 7\nhttp.latency: P50(1,2)\n")).listen(
  join(env.KUMA_DATAPLANE_RUNTIME_WORK_DIR ?? "", "kuma-envoy-admin.sock"),
);
