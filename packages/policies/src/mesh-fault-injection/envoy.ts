import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import {
  type HeaderMatcher,
  HeaderMatcherSchema,
} from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import {
  type HTTPFault,
  HTTPFaultSchema,
} from "@skein/envoy-api/envoy/extensions/filters/http/fault/v3/fault_pb";
import type { HttpConnectionManager } from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";
import { RegexMatcherSchema } from "@skein/envoy-api/envoy/type/matcher/v3/regex_pb";
import { StringMatcherSchema } from "@skein/envoy-api/envoy/type/matcher/v3/string_pb";
import type { GatewayChainDraft, GatewayHostDraft, InboundDraft } from "../draft.ts";
import { subsumes } from "../engine/by-caller.ts";
import { CALLER_TAGS_HEADER, callerTagsRegex } from "../engine/caller-tags.ts";
import { setForHost, switchedOff } from "../engine/gateway-filters.ts";
import { addHttpFilter } from "../engine/http-filters.ts";
import type { CallerMatch } from "../engine/policy-resource.ts";
import { httpFault } from "./http-fault.ts";
import { rulesMet } from "./met.ts";
import type { FaultPlan, FaultsByMatch, FaultsByTags } from "./plan.ts";

/**
 * Faults of an inbound. The listener has as many fault filters as the caller with the most faults needs, and none does
 * anything by itself: what they do is in the routes of each group of callers. So faults begin and end with the next
 * request on open connections, which a changed filter would drain.
 */
export function faultInjection(plan: FaultPlan | undefined, draft: InboundDraft): void {
  if (plan === undefined || draft.hcm === undefined) return;
  const byRoute = draft.routes.map(({ route, caller }) => ({ route, faults: faultsFor(plan, caller) }));
  addFilters(draft.hcm, Math.max(0, ...byRoute.map(({ faults }) => faults.length)));
  for (const { route, faults } of byRoute) {
    for (const [i, fault] of faults.entries()) {
      route.typedPerFilterConfig[filterName(i)] = anyPack(HTTPFaultSchema, fault);
    }
  }
}

/** Faults of all requests that come by a port of a gateway. */
export function chainFaults(plan: FaultsByTags | undefined, { hcm, config }: GatewayChainDraft): void {
  if (plan === undefined || hcm === undefined) return;
  const faults = byTags(plan);
  addFilters(hcm, faults.length);
  for (const [i, fault] of faults.entries()) config[filterName(i)] = anyPack(HTTPFaultSchema, fault);
}

/** Faults of one listener of a gateway, where they are other ones than those of its port. */
export function hostFaults(
  plan: FaultsByTags | undefined,
  draft: GatewayHostDraft,
  ofChain: FaultsByTags | undefined,
): void {
  const { hcm, config } = draft.chain;
  if (plan === undefined || plan === ofChain || hcm === undefined) return;
  const faults = byTags(plan);
  addFilters(hcm, faults.length);
  for (const [i, fault] of faults.entries()) {
    setForHost(draft, filterName(i), anyPack(HTTPFaultSchema, fault));
  }
  for (let i = faults.length; config[filterName(i)] !== undefined; i++) {
    setForHost(draft, filterName(i), switchedOff());
  }
}

/** Filters that do nothing by themselves. */
function addFilters(hcm: HttpConnectionManager, count: number): void {
  for (let i = 0; i < count; i++) addHttpFilter(hcm, filterName(i), HTTPFaultSchema, create(HTTPFaultSchema));
}

function filterName(index: number): string {
  return index === 0 ? "envoy.filters.http.fault" : `envoy.filters.http.fault.${index + 1}`;
}

/** What a caller meets, in this order; on the route for all others, `caller` is `undefined`. */
function faultsFor(plan: FaultPlan, caller: CallerMatch | undefined): readonly HTTPFault[] {
  return plan.model === "tags" ? byTags(plan) : byMatch(plan, caller);
}

function byMatch({ rules }: FaultsByMatch, caller: CallerMatch | undefined): readonly HTTPFault[] {
  return rulesMet(rules, (match) => caller !== undefined && subsumes(match, caller)).flatMap(({ http }) =>
    http.flatMap((fault) => httpFault(fault, [])),
  );
}

function byTags({ entries }: FaultsByTags): readonly HTTPFault[] {
  const faults: HTTPFault[] = [];
  const others: HeaderMatcher[] = [];
  for (const { target, http } of [...entries].reverse()) {
    const regex = callerTagsRegex(target);
    const covered = regex === undefined ? [] : [tagsMatcher(regex, false)];
    faults.unshift(...http.flatMap((fault) => httpFault(fault, [...covered, ...others])));
    if (regex === undefined) break;
    others.push(tagsMatcher(regex, true));
  }
  return faults;
}

function tagsMatcher(regex: string, inverted: boolean): HeaderMatcher {
  return create(HeaderMatcherSchema, {
    name: CALLER_TAGS_HEADER,
    invertMatch: inverted,
    treatMissingHeaderAsEmpty: true,
    headerMatchSpecifier: {
      case: "stringMatch",
      value: create(StringMatcherSchema, {
        matchPattern: { case: "safeRegex", value: create(RegexMatcherSchema, { regex }) },
      }),
    },
  });
}
