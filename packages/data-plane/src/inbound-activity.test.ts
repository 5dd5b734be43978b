import assert from "node:assert/strict";
import { test } from "node:test";
import { countActive, inboundScopes } from "./inbound-activity.ts";

const filter = (type: string, prefix: string) => ({
  typed_config: { "@type": `type.googleapis.com/envoy.x.${type}`, stat_prefix: prefix },
});
const listener = (direction: string, filters: readonly object[]) => ({
  active_state: { listener: { traffic_direction: direction, filter_chains: [{ filters }] } },
});
const DUMP = JSON.stringify({
  configs: [
    listener("INBOUND", [filter("RBAC", "in"), filter("HttpConnectionManager", "localhost:8080")]),
    listener("INBOUND", [filter("TcpProxy", "self_inbound_dp_db")]),
    listener("OUTBOUND", [filter("HttpConnectionManager", "orders")]),
    {
      draining_state: {
        listener: {
          traffic_direction: "INBOUND",
          default_filter_chain: { filters: [filter("TcpProxy", "old")] },
        },
      },
    },
    { name: "warming" },
  ],
});

test("only inbound requests and connections count, whatever they are named", () => {
  const scopes = inboundScopes(DUMP);
  const stats = [
    "http.localhost_8080.downstream_rq_active: 2",
    "http.localhost_8080.downstream_cx_active: 50",
    "tcp.self_inbound_dp_db.downstream_cx_active: 3",
    "tcp.old.downstream_cx_active: 1",
    "http.orders.downstream_rq_active: 100",
    "http.admin.downstream_rq_active: 1",
    "tcp.orders.downstream_cx_active: 100",
    "",
  ].join("\n");
  assert.equal(countActive(scopes, stats), 6);
});
