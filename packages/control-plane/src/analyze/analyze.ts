import { conflicts } from "./conflicts.ts";
import { deprecatedShapes } from "./deprecated.ts";
import { type Finding, sorted } from "./finding.ts";
import { expiringAuthorities, expiringCertificates, proxiesWithoutIdentity } from "./identities.ts";
import { placesOf } from "./places.ts";
import { httpRulesOnBytes, protocolsThatDiffer } from "./protocols.ts";
import { type AnalysisInput, scopeOf } from "./scope.ts";
import { selectedByIdentities, selectedByPolicies, targetsOfRules } from "./selection.ts";
import { outboundsToNothing, servicesWithoutEndpoints, unselectedInbounds } from "./services.ts";
import { shadowedRules } from "./shadowed.ts";

/** Everything about one mesh that is probably not what its people want, in the order of codes. */
export function analyze(input: AnalysisInput): readonly Finding[] {
  const scope = scopeOf(input);
  const places = placesOf(scope);
  return sorted([
    ...selectedByPolicies(scope),
    ...shadowedRules(places),
    ...conflicts(places),
    ...targetsOfRules(scope),
    ...outboundsToNothing(scope),
    ...selectedByIdentities(scope),
    ...httpRulesOnBytes(scope),
    ...protocolsThatDiffer(scope),
    ...proxiesWithoutIdentity(scope),
    ...expiringAuthorities(scope),
    ...expiringCertificates(scope),
    ...deprecatedShapes(scope),
    ...unselectedInbounds(scope),
    ...servicesWithoutEndpoints(scope),
  ]);
}
