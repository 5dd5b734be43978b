import type { PolicyResource } from "@skein/policies";
import { type Callable, isCallableKind, isMeant, portsOfSection } from "../plan/callable.ts";
import { speakBytes } from "../plan/destinations.ts";
import type { Store } from "../store/store.ts";
import { isAboutRequests, protocolRemedy } from "./about-requests.ts";
import { partWarnings, routePartWarnings } from "./part.ts";
import { callablesOf } from "./route.ts";

type ToEntry = NonNullable<PolicyResource["spec"]["to"]>[number];

/** Where `to` is about services that are not there, lack that port, or do not speak what is said of them. */
export function serviceRuleWarnings(policy: PolicyResource, store: Store): readonly string[] {
  const services = callablesOf(store, policy.mesh);
  return (policy.spec.to ?? []).flatMap((entry, i) => {
    const at = `spec.to[${i}]`;
    const { kind } = entry.targetRef;
    if (kind === "MeshHTTPRoute") return routePartWarnings(policy, `${at}.default`, entry.default);
    if (!isCallableKind(kind)) return [];
    const found = services.filter((service) => isMeant(entry.targetRef, service));
    const [first] = found;
    if (first === undefined) {
      return [`${at}.targetRef: there is no such ${kind} now, so this rule has no effect`];
    }
    return ofServices(policy, at, entry, [first, ...found.slice(1)]);
  });
}

function ofServices(
  policy: PolicyResource,
  at: string,
  { targetRef: { kind, sectionName }, default: conf }: ToEntry,
  found: readonly [Callable, ...Callable[]],
): readonly string[] {
  const meant = found.map((service) => ({ ...service, ports: portsOfSection(service, sectionName) }));
  return [
    ...(sectionName && meant.every(({ ports }) => ports.length === 0)
      ? [missingPort(`${at}.targetRef`, sectionName, found)]
      : []),
    ...partWarnings(policy, `${at}.default`, conf, meant),
    ...meant
      .filter(({ ports }) => speakBytes(ports))
      .flatMap(({ name }) => {
        const who = `${kind} "${name}" speaks tcp only`;
        if (policy.type === "MeshHTTPRoute") {
          return [`${at}: ${who}, so its rules have no effect; ${protocolRemedy(kind)}`];
        }
        return isAboutRequests(conf)
          ? [`${at}.default: ${who}, so its HTTP part has no effect; ${protocolRemedy(kind)}`]
          : [];
      }),
  ];
}

function missingPort(at: string, sectionName: string, found: readonly [Callable, ...Callable[]]): string {
  const known = [...new Set(found.flatMap(({ ports }) => ports.map(({ name, port }) => name ?? port)))];
  const [{ kind, name }] = found;
  return `${at}.sectionName: ${kind} "${name}" has no port "${sectionName}" (it has: ${known.join(", ") || "none"}), so this rule has no effect`;
}
