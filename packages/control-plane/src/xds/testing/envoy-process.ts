import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How to start an Envoy that gets everything over ADS. */
export interface EnvoyOptions {
  readonly nodeId: string;
  readonly xdsPort: number;
  readonly caPem: string;
  readonly api?: "DELTA_GRPC" | "GRPC";
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly token?: string;
  /** It asks for health checks too, and says where its admin interface is. */
  readonly healthDiscovery?: boolean;
}

/** A running Envoy under test. */
export interface EnvoyProcess {
  readonly pid: number | undefined;
  /** GET on the admin socket. */
  admin(path: string): Promise<string>;
  /** The value of one counter or gauge; 0 where it does not exist yet. */
  stat(name: string): Promise<number>;
  log(): string;
  stop(): Promise<void>;
}

/** Path of the Envoy binary that tests use. */
export const ENVOY = process.env.ENVOY ?? join(import.meta.dirname, "../../../../../.tools/bin/envoy");

/** Starts a real Envoy with one worker and its admin interface on a unix socket. */
export function startEnvoy(options: EnvoyOptions): EnvoyProcess {
  const directory = mkdtempSync(join(tmpdir(), "skein-envoy-"));
  const socketPath = join(directory, "admin.sock");
  writeFileSync(join(directory, "bootstrap.json"), JSON.stringify(bootstrap(options, socketPath)));
  const child: ChildProcess = spawn(
    ENVOY,
    [
      "-c",
      join(directory, "bootstrap.json"),
      "--disable-hot-restart",
      "--concurrency",
      "1",
      "-l",
      "info",
      "--drain-time-s",
      "1",
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let output = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const admin = (path: string): Promise<string> =>
    new Promise((resolve, reject) => {
      request({ socketPath, path, method: "GET" }, (response) => {
        let body = "";
        response.on("data", (chunk: Buffer) => {
          body += chunk.toString();
        });
        response.on("end", () => resolve(body));
      })
        .on("error", reject)
        .end();
    });
  return {
    pid: child.pid,
    admin,
    async stat(name) {
      const body = await admin(`/stats?filter=^${name.replaceAll(".", "\\.")}$`);
      return Number(/: (\d+)/.exec(body)?.[1] ?? 0);
    },
    log: () => output,
    async stop() {
      child.kill("SIGKILL");
      await exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function bootstrap(options: EnvoyOptions, socketPath: string): unknown {
  const ads = { ads: {}, initial_fetch_timeout: "0s", resource_api_version: "V3" };
  const grpc_services = [
    {
      envoy_grpc: { cluster_name: "ads" },
      initial_metadata: [{ key: "authorization", value: options.token ?? "test-token" }],
    },
  ];
  return {
    node: {
      id: options.nodeId,
      cluster: "test",
      metadata: {
        ...options.metadata,
        ...(options.healthDiscovery ? { "dataplane.admin.socketPath": socketPath } : {}),
      },
    },
    ...(options.healthDiscovery
      ? {
          hds_config: {
            api_type: "GRPC",
            transport_api_version: "V3",
            set_node_on_first_message_only: true,
            grpc_services,
          },
        }
      : {}),
    admin: { address: { pipe: { path: socketPath } } },
    dynamic_resources: {
      lds_config: ads,
      cds_config: ads,
      ads_config: {
        api_type: options.api ?? "DELTA_GRPC",
        transport_api_version: "V3",
        set_node_on_first_message_only: true,
        grpc_services,
      },
    },
    static_resources: {
      clusters: [
        {
          name: "ads",
          type: "STATIC",
          connect_timeout: "1s",
          typed_extension_protocol_options: {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
              "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          transport_socket: {
            name: "tls",
            typed_config: {
              "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
              common_tls_context: {
                validation_context: { trusted_ca: { inline_string: options.caPem } },
              },
            },
          },
          load_assignment: {
            cluster_name: "ads",
            endpoints: [
              {
                lb_endpoints: [
                  {
                    endpoint: {
                      address: { socket_address: { address: "127.0.0.1", port_value: options.xdsPort } },
                    },
                  },
                ],
              },
            ],
          },
        },
      ],
    },
  };
}
