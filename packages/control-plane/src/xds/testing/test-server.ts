import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import type { Fleet } from "../fleet.ts";
import type { XdsLog } from "../log.ts";
import { createXdsServer, type XdsServer, type XdsServerOptions } from "../server.ts";
import { makeTestCertificate, type TestCertificate } from "./certificate.ts";

/** An xDS server over TLS on loopback, on a port that also serves other requests. */
export interface TestServer {
  readonly xds: XdsServer;
  readonly port: number;
  readonly certificate: TestCertificate;
  close(): Promise<void>;
}

/** Starts a server; options beyond fleet and log are those of `createXdsServer`. */
export async function startTestServer(
  fleet: Fleet,
  log: XdsLog,
  options: Partial<XdsServerOptions> = {},
  port = 0,
  reuse?: TestCertificate,
): Promise<TestServer> {
  const certificate = reuse ?? (await makeTestCertificate());
  const xds = createXdsServer({ fleet, log, ...options });
  const server = createSecureServer({ allowHTTP1: true, key: certificate.keyPem, cert: certificate.certPem });
  server.on("request", (request, response) => response.end(`http ${request.httpVersion}`));
  xds.attach(server);
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    xds,
    port: (server.address() as AddressInfo).port,
    certificate,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      await xds.close(200);
      await closed;
    },
  };
}
