import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { startEcho } from "./echo.ts";
import { startGrpcApp } from "./grpc-app.ts";
import { startTcpEcho } from "./tcp-echo.ts";

const USAGE = `kong-air-app --service NAME --address IP [options]
  --port N              default 8080
  --instance NAME       default: the service's name
  --version V           default v1
  --upstream NAME=URL   a service it may call; repeat for more
  --tcp                 TCP echo instead of HTTP
  --grpc                gRPC health service instead of HTTP
  --tls FILE            TLS of its own, with the certificate and the key that are in the file`;

const { values } = parseArgs({
  options: {
    service: { type: "string" },
    address: { type: "string" },
    port: { type: "string", default: "8080" },
    instance: { type: "string" },
    version: { type: "string", default: "v1" },
    upstream: { type: "string", multiple: true, default: [] },
    tcp: { type: "boolean", default: false },
    grpc: { type: "boolean", default: false },
    tls: { type: "string" },
  },
});

const { service, address } = values;
if (service === undefined || address === undefined) {
  console.error(USAGE);
  process.exit(2);
}

const upstreams = Object.fromEntries(
  values.upstream.map((pair) => {
    const at = pair.indexOf("=");
    return [pair.slice(0, at), pair.slice(at + 1)];
  }),
);
const port = Number(values.port);
const instance = values.instance ?? service;
const tls = values.tls === undefined ? undefined : readFileSync(values.tls);
const app = values.tcp
  ? await startTcpEcho({ instance, address, port })
  : values.grpc
    ? await startGrpcApp({ service, instance, address, port })
    : await startEcho({ service, instance, version: values.version, address, port, upstreams, tls });
console.log(`${service} listens on ${address}:${port}`);

const stop = (): void => {
  setTimeout(() => process.exit(0), 1_000).unref();
  app.close().then(() => process.exit(0));
};
process.once("SIGTERM", stop);
process.once("SIGINT", stop);
