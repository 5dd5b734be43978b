import type { Caller, Merged, PolicyPlans, Protocol } from "@skein/policies";
import type { ByCaller } from "@skein/policies/engine/by-caller";
import { type GlobalRateLimitPlan, meshGlobalRateLimit } from "@skein/policies/mesh-global-rate-limit/policy";
import type { MeshRateLimitConf, Rate } from "@skein/policies/mesh-rate-limit/conf";
import { meshRateLimit } from "@skein/policies/mesh-rate-limit/policy";
import { matchesCaller } from "@skein/policies/mesh-traffic-permission/verdict";
import type { Fact } from "./explanation.ts";
import { factsOf } from "./facts.ts";

/** How much an inbound takes: of this caller, of connections, and of all instances together. */
export function rateLimitFacts(
  policies: PolicyPlans,
  protocol: Protocol,
  caller: Caller | undefined,
): readonly Fact[] {
  const isHttp = protocol !== "tcp";
  return [
    ...instanceLimits(
      policies[meshRateLimit.kind.type] as ByCaller<MeshRateLimitConf> | undefined,
      isHttp,
      caller,
    ),
    ...(isHttp ? together(policies) : []),
  ];
}

/** Limits of each instance. Connections are limited before anybody knows who calls. */
function instanceLimits(
  plan: ByCaller<MeshRateLimitConf> | undefined,
  isHttp: boolean,
  caller: Caller | undefined,
): readonly Fact[] {
  if (plan === undefined) return [];
  const own = caller && plan.callers?.find(({ match }) => matchesCaller(match, caller));
  const requests = own ?? plan;
  const { http } = requests.conf.local ?? {};
  const { tcp } = plan.conf.local ?? {};
  return [
    ...(isHttp && http !== undefined
      ? limit(
          `rate limit${own === undefined ? "" : " of this caller"}`,
          http.disabled === true,
          http.requestRate,
          `over it ${http.onRateLimit?.status ?? 429}`,
          requests,
          "local.http",
        )
      : []),
    ...(tcp === undefined
      ? []
      : limit(
          "connection limit",
          tcp.disabled === true,
          tcp.connectionRate,
          "over it connections are closed",
          plan,
          "local.tcp",
        )),
  ];
}

function together(policies: PolicyPlans): readonly Fact[] {
  const plan = policies[meshGlobalRateLimit.kind.type] as GlobalRateLimitPlan | undefined;
  const { requestRate, onRateLimit } = plan?.conf.http ?? {};
  if (plan === undefined || requestRate === undefined) return [];
  const over =
    plan.conf.mode === "Shadow" ? "more are counted only" : `over it ${onRateLimit?.status ?? 429}`;
  const what = `over all instances of ${plan.service}; ${over}`;
  return limit("global rate limit", false, requestRate, what, plan, "http");
}

function limit(
  name: string,
  isOff: boolean,
  rate: Rate | undefined,
  over: string,
  merged: Merged<unknown>,
  path: string,
): readonly Fact[] {
  if (!isOff && rate === undefined) return [];
  const decider = factsOf(merged).find(
    (each) =>
      each.name.startsWith(path) && (isOff ? each.name.endsWith("disabled") : /Rate\b/.test(each.name)),
  );
  const value = isOff || rate === undefined ? "none: disabled" : `${rate.num} per ${rate.interval}; ${over}`;
  return [{ name, value, ...(decider?.origin === undefined ? {} : { origin: decider.origin }) }];
}
