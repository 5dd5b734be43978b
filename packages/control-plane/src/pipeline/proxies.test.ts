import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfigSink } from "../xds/fleet.ts";
import { FragmentTable } from "../xds/fragment-table.ts";
import { clusterFragment, configOf } from "../xds/testing/resources.ts";
import { ChangeLog } from "./change-log.ts";
import { ConnectedProxy, type ProxyStream } from "./proxies.ts";

const table = new FragmentTable();
const cluster = (name: string, timeoutSeconds: number) => clusterFragment(table, name, { timeoutSeconds });
const sink: ConfigSink = { set: () => undefined, close: () => undefined };

function connected() {
  const changes = new ChangeLog({ now: () => 0, monotonic: () => 0 });
  const proxy = new ConnectedProxy("m", "web", { now: () => 0 }, changes);
  const stream: ProxyStream = { sink, session: {} as ProxyStream["session"], acknowledged: 0 };
  proxy.streams.add(stream);
  proxy.push(configOf(cluster("a", 1), cluster("b", 1)), 1, 1, []);
  proxy.inSync(stream, 1);
  changes.begin(2);
  proxy.push(configOf(cluster("a", 2), cluster("b", 2)), 2, 2, [2]);
  changes.planned([2]);
  const reject = (...resources: readonly { readonly name: string; readonly version: string }[]) =>
    proxy.answered({
      type: "cluster",
      revision: 2,
      rejected: {
        message: "no",
        resources: resources.map(({ name, version }) => ({ name, version, origins: [`kri_${name}`] })),
      },
    });
  return { changes, proxy, stream, reject };
}

test("a refusal that blames nothing yet leaves the change open; the blame that follows is recorded", () => {
  const { changes, proxy, reject } = connected();
  reject();
  assert.equal(changes.status(2)?.state, "pending");
  assert.equal(proxy.status().state, "behind");
  proxy.answered({ type: "cluster", revision: 2 });
  reject(cluster("b", 2));
  assert.equal(changes.status(2)?.state, "settled");
  assert.deepEqual(changes.status(2)?.items[0]?.rejected, [
    { type: "cluster", name: "b", message: "no", policies: ["kri_b"] },
  ]);
});

test("a refused resource stays so while others are accepted, until another version takes its place", () => {
  const { proxy, stream, reject } = connected();
  reject(cluster("b", 2));
  proxy.answered({ type: "cluster", revision: 2 });
  reject(cluster("a", 2));
  assert.deepEqual(
    proxy.rejected.map(({ name }) => name),
    ["b", "a"],
  );
  proxy.push(configOf(cluster("a", 3), cluster("b", 2)), 3, 3, []);
  proxy.answered({ type: "cluster", revision: 3 });
  assert.deepEqual(
    proxy.rejected.map(({ name }) => name),
    ["b"],
  );
  assert.equal(proxy.status().state, "rejected");
  proxy.push(configOf(cluster("a", 3), cluster("b", 1)), 4, 4, []);
  proxy.inSync(stream, 4);
  assert.deepEqual(proxy.rejected, []);
  assert.equal(proxy.status().state, "in-sync");
});
