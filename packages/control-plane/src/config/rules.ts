import type { Violation } from "@skein/model";
import { type VipCidrs, vipRangeViolations } from "../naming/vip-pools.ts";
import type { Config } from "./config.ts";

/** What no single setting can say. */
export function checkConfig(config: Config): readonly Violation[] {
  return [
    ...portRules(config),
    ...tlsRules(config),
    ...encryptionRules(config),
    ...vipRangeViolations(vipCidrs(config)),
  ];
}

/** The ranges of addresses, by the kind of service. */
export function vipCidrs({ ipam, dnsServer }: Pick<Config, "ipam" | "dnsServer">): VipCidrs {
  return {
    MeshService: ipam.meshService.cidr,
    MeshExternalService: ipam.meshExternalService.cidr,
    MeshMultiZoneService: ipam.meshMultiZoneService.cidr,
    TaggedService: dnsServer.CIDR,
  };
}

interface Listener {
  readonly path: string;
  readonly host: string;
  readonly port: number;
}

function portRules({ apiServer, dpServer, diagnostics }: Config): readonly Violation[] {
  const { http, https } = apiServer;
  const listeners: readonly Listener[] = [
    ...(http.enabled ? [{ path: "apiServer.http.port", host: http.interface, port: http.port }] : []),
    ...(https.enabled ? [{ path: "apiServer.https.port", host: https.interface, port: https.port }] : []),
    { path: "dpServer.port", host: "", port: dpServer.port },
    { path: "diagnostics.serverPort", host: "", port: diagnostics.serverPort },
  ];
  return listeners.flatMap((listener, position) =>
    listeners
      .slice(0, position)
      .filter((other) => collides(listener, other))
      .map((other) => ({
        field: listener.path,
        reason: `must not be ${listener.port}, which ${other.path} has already`,
      })),
  );
}

function collides(a: Listener, b: Listener): boolean {
  return a.port !== 0 && a.port === b.port && (a.host === b.host || isAnyHost(a.host) || isAnyHost(b.host));
}

function isAnyHost(host: string): boolean {
  return host === "" || host === "0.0.0.0" || host === "::";
}

function tlsRules({ general, apiServer, dpServer, diagnostics }: Config): readonly Violation[] {
  const servers = { general, "apiServer.https": apiServer.https, dpServer, diagnostics };
  return Object.entries(servers).flatMap(([path, tls]) => {
    const violations: Violation[] = [];
    if (tls.tlsCertFile !== "" && tls.tlsKeyFile === "") {
      violations.push({ field: `${path}.tlsKeyFile`, reason: "must be set when tlsCertFile is" });
    }
    if (tls.tlsKeyFile !== "" && tls.tlsCertFile === "") {
      violations.push({ field: `${path}.tlsCertFile`, reason: "must be set when tlsKeyFile is" });
    }
    if (tls.tlsMaxVersion !== "" && tls.tlsMaxVersion < tls.tlsMinVersion) {
      violations.push({
        field: `${path}.tlsMaxVersion`,
        reason: `must not be below tlsMinVersion, which is ${tls.tlsMinVersion}`,
      });
    }
    return violations;
  });
}

function encryptionRules({ skein }: Config): readonly Violation[] {
  const { secretsEncryptionKey: key, secretsEncryptionKeyFile: file } = skein;
  if (key !== "" && file !== "") {
    return [
      {
        field: "skein.secretsEncryptionKeyFile",
        reason: "must not be set together with secretsEncryptionKey",
      },
    ];
  }
  if (key !== "" && !/^[A-Za-z0-9+/]{43}=$/.test(key)) {
    return [
      {
        field: "skein.secretsEncryptionKey",
        reason: "must be base64 of 32 bytes, as `openssl rand -base64 32` prints",
      },
    ];
  }
  return [];
}
