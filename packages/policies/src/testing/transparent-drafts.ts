import { create } from "@bufbuild/protobuf";
import { packAny } from "@skein/envoy-api";
import { AddressSchema, SocketAddressSchema } from "@skein/envoy-api/envoy/config/core/v3/address_pb";
import {
  FilterChainSchema,
  FilterSchema,
} from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import { type Listener, ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import { TcpProxySchema } from "@skein/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb";
import type { TransparentDraft } from "../draft.ts";
import { originalDestinationCluster } from "../original-destination.ts";
import { passthroughName } from "../plan/passthrough-name.ts";

export const IPV4_NAME = passthroughName("outbound", "ipv4", "unified");
export const IPV6_NAME = passthroughName("outbound", "ipv6", "unified");

/** What takes the redirected connections of a proxy before any policy: everything goes on, unless the mesh is closed. */
export function transparentDraft({ passthrough = true, ipv6 = true, port = 15_001 } = {}): TransparentDraft {
  const names = ipv6 ? [IPV4_NAME, IPV6_NAME] : [IPV4_NAME];
  return {
    listeners: {
      ipv4: listener(IPV4_NAME, "0.0.0.0", port),
      ipv6: ipv6 ? listener(IPV6_NAME, "::", port) : undefined,
    },
    clusters: new Map(passthrough ? names.map((name) => [name, originalDestinationCluster(name)]) : []),
  };
}

function listener(name: string, address: string, port: number): Listener {
  const tcpProxy = create(TcpProxySchema, {
    statPrefix: name,
    clusterSpecifier: { case: "cluster", value: name },
  });
  return create(ListenerSchema, {
    name,
    address: create(AddressSchema, {
      address: {
        case: "socketAddress",
        value: create(SocketAddressSchema, { address, portSpecifier: { case: "portValue", value: port } }),
      },
    }),
    useOriginalDst: true,
    filterChains: [
      create(FilterChainSchema, {
        filters: [
          create(FilterSchema, {
            name: "envoy.filters.network.tcp_proxy",
            configType: { case: "typedConfig", value: packAny(TcpProxySchema, tcpProxy) },
          }),
        ],
      }),
    ],
  });
}
