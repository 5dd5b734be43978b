import { conflicts } from "./conflicts.ts";
import { deprecatedShapes } from "./deprecated.ts";
import { type Finding, sorted } from "./finding.ts";
import { brokenListeners, unmatchedGateways, unusableRoutes } from "./gateways.ts";
import { expiringAuthorities, expiringCertificates, proxiesWithoutIdentity } from "./identities.ts";
import { servicesWithoutAddress, servicesWithoutName } from "./names.ts";
import { hiddenPermissions } from "./permissions.ts";
import { placesOf } from "./places.ts";
import { httpRulesOnBytes, protocolsThatDiffer } from "./protocols.ts";
import { missingRouteTargets, routesPutAside, routesToNothing, unreachedRules } from "./routes.ts";
import { type AnalysisInput, scopeOf } from "./scope.ts";
import { selectedByIdentities, selectedByPolicies, targetsOfRules } from "./selection.ts";
import {
  destinationsOfNothing,
  outboundsToNothing,
  servicesWithoutEndpoints,
  unselectedInbounds,
} from "./services.ts";
import { shadowedRules } from "./shadowed.ts";

/** What looks at more than the plans of one proxy, cheap enough to be done in one turn. */
const CHECKS = [
  selectedByPolicies,
  targetsOfRules,
  outboundsToNothing,
  routesToNothing,
  missingRouteTargets,
  routesPutAside,
  unreachedRules,
  hiddenPermissions,
  selectedByIdentities,
  httpRulesOnBytes,
  protocolsThatDiffer,
  proxiesWithoutIdentity,
  expiringAuthorities,
  expiringCertificates,
  deprecatedShapes,
  unselectedInbounds,
  servicesWithoutEndpoints,
  destinationsOfNothing,
  servicesWithoutName,
  servicesWithoutAddress,
  unmatchedGateways,
  unusableRoutes,
  brokenListeners,
];

/**
 * Everything about one mesh that is probably not what its people want, in the order of codes. Yields often, so that who
 * has other things to do can do them in between.
 */
export function* analysis(input: AnalysisInput): Generator<undefined, readonly Finding[]> {
  const scope = scopeOf(input);
  const found: Finding[] = [];
  for (const check of CHECKS) {
    yield;
    found.push(...check(scope));
  }
  const places = yield* placesOf(scope);
  yield;
  found.push(...shadowedRules(places), ...(yield* conflicts(places)));
  return sorted(found);
}

/** The whole analysis at once. */
export function analyze(input: AnalysisInput): readonly Finding[] {
  const steps = analysis(input);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
