import type { PolicyDefinition } from "../definition.ts";
import { merge } from "../engine/merge.ts";
import { inboundRules } from "../engine/rules.ts";
import type { Merged } from "../plan/origin.ts";
import type { MeshTlsConf } from "./conf.ts";
import { tlsParameters } from "./envoy.ts";
import { meshTlsKind } from "./kind.ts";

/**
 * Whether plaintext is refused, and the TLS versions and ciphers. It stands on inbounds; versions and ciphers are
 * mesh-wide by validation, so a caller uses its own side's for what it calls too.
 */
export const meshTls: PolicyDefinition<Merged<MeshTlsConf>, Merged<MeshTlsConf>> = {
  kind: meshTlsKind,
  order: 300,
  planInbound({ policies }) {
    return merge<MeshTlsConf>(inboundRules(policies, "mtls", true));
  },
  planOutbound({ policies }) {
    const rules = inboundRules(policies, "mtls", true).flatMap(({ conf, origin }) => {
      if (!concernsCallers(conf)) return [];
      const { tlsVersion, tlsCiphers } = conf;
      return [{ conf: { tlsVersion, tlsCiphers }, origin }];
    });
    return merge<MeshTlsConf>(rules);
  },
  concernsCalls: (policy) => inboundRules([policy], "mtls", true).some(({ conf }) => concernsCallers(conf)),
  translateInbound(plan, draft) {
    draft.tlsParams = tlsParameters(plan?.conf ?? {});
  },
  translateOutbound(plan, draft) {
    draft.tlsParams = tlsParameters(plan?.conf ?? {});
  },
  origins: ({ origins }) => Object.values(origins),
};

function concernsCallers(conf: unknown): conf is MeshTlsConf {
  const { tlsVersion, tlsCiphers } = conf as MeshTlsConf;
  return tlsVersion !== undefined || tlsCiphers !== undefined;
}
