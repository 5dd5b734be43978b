import { create } from "@bufbuild/protobuf";
import {
  type TlsParameters,
  TlsParametersSchema,
  TlsParameters_TlsProtocol as TlsProtocol,
} from "@skein/envoy-api/envoy/extensions/transport_sockets/tls/v3/common_pb";
import type { MeshTlsConf, TlsVersion } from "./conf.ts";

const VERSIONS: Readonly<Record<TlsVersion, TlsProtocol>> = {
  TLSAuto: TlsProtocol.TLS_AUTO,
  TLS10: TlsProtocol.TLSv1_0,
  TLS11: TlsProtocol.TLSv1_1,
  TLS12: TlsProtocol.TLSv1_2,
  TLS13: TlsProtocol.TLSv1_3,
};

/** Versions and cipher suites of mesh TLS; both ends of the range count, whichever of them is given. */
export function tlsParameters(conf: MeshTlsConf): TlsParameters | undefined {
  const { tlsVersion, tlsCiphers } = conf;
  if (tlsVersion === undefined && (tlsCiphers === undefined || tlsCiphers.length === 0)) return undefined;
  const params = create(TlsParametersSchema, { cipherSuites: [...(tlsCiphers ?? [])] });
  params.tlsMinimumProtocolVersion = VERSIONS[tlsVersion?.min ?? "TLSAuto"];
  params.tlsMaximumProtocolVersion = VERSIONS[tlsVersion?.max ?? "TLSAuto"];
  return params;
}
