import type { EnvoyVersion } from "./envoy-binary.ts";
import type { RunOptions } from "./options.ts";
import type { TransparentProxy } from "./transparent-proxy.ts";

/** What a bootstrap request is made from. */
export interface BootstrapInputs {
  readonly options: RunOptions;
  readonly mesh: string;
  readonly name: string;
  /** The resource to register; absent when the control plane has it already. */
  readonly resource: Readonly<Record<string, unknown>> | undefined;
  readonly token: string | undefined;
  readonly caCert: string | undefined;
  readonly workDir: string;
  readonly launcherVersion: string;
  readonly envoyVersion: EnvoyVersion;
  readonly host: HostFacts;
  readonly transparentProxy: TransparentProxy | undefined;
}

/** What the control plane wants to know about the machine. */
export interface HostFacts {
  readonly operatingSystem: string;
  readonly ipv6: boolean;
  /** 0 when there is no limit. */
  readonly maxMemoryBytes: number;
}

/** Body of `POST /bootstrap`. Its member names are those of Kuma 2.14's wire format, historic spellings included. */
export type BootstrapRequest = Readonly<Record<string, unknown>>;

/** Builds the body of `POST /bootstrap`. */
export function bootstrapRequest(inputs: BootstrapInputs): BootstrapRequest {
  const { options, launcherVersion, envoyVersion, host } = inputs;
  return {
    mesh: inputs.mesh,
    name: inputs.name,
    proxyType: options.proxyType,
    ...(inputs.token === undefined ? {} : { dataplaneToken: inputs.token }),
    ...(options.tokenFile === undefined ? {} : { dataplaneTokenPath: options.tokenFile }),
    ...(inputs.resource === undefined ? {} : { dataplaneResource: JSON.stringify(inputs.resource) }),
    version: {
      kumaDp: { version: launcherVersion, gitTag: "", gitCommit: "", buildDate: "" },
      envoy: { version: envoyVersion.version, build: envoyVersion.build, kumaDpCompatible: true },
    },
    ...(inputs.caCert === undefined ? {} : { caCert: inputs.caCert }),
    dynamicMetadata: {
      ...(options.hostIp === undefined ? {} : { HOST_IP: options.hostIp }),
      ...(options.opa === undefined ? {} : { "opa.extAuthzAddr": options.opa.extAuthzAddress }),
    },
    readinessPort: options.readinessPort,
    appProbeProxyDisabled: false,
    operatingSystem: host.operatingSystem,
    features: features(options),
    ...(inputs.transparentProxy === undefined ? {} : { dataplaneConfig: inputs.transparentProxy }),
    resources: host.maxMemoryBytes === 0 ? {} : { maxHeapSizeBytes: host.maxMemoryBytes },
    workdir: inputs.workDir,
    metricsResources: { certPath: options.metricsCertPath, keyPath: options.metricsKeyPath },
    systemCaPath: options.systemCaPath,
    ipv6Enabled: options.ipv6 ?? host.ipv6,
  };
}

/** The capabilities announced to the control plane: only what this launcher does. */
export function features(options: RunOptions): string[] {
  return [
    ...(options.deltaXds ? ["feature-delta-grpc"] : []),
    ...(options.strictInboundPorts ? ["feature-strict-inbound-ports"] : []),
    ...(options.reusePort ? ["feature-reuse-port"] : []),
    ...(options.bindOutbounds ? ["feature-bind-outbounds"] : []),
    ...(options.transparentProxy === undefined ? [] : ["feature-transparent-proxy-in-dataplane-metadata"]),
    ...(options.unifiedNaming ? ["feature-unified-resource-naming"] : []),
  ];
}
