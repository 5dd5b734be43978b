import { displayName, LABEL, type Labels } from "@skein/model";

/**
 * Whether labels that a selector asks for are those of a service. A service that was written without a display name is
 * known by its own name everywhere else, so it is here, too; in Kuma a selector by display name misses it.
 */
export function matchesLabels(
  service: { readonly name: string; readonly labels: Labels },
  matchLabels: Labels | undefined,
): boolean {
  return Object.entries(matchLabels ?? {}).every(([key, value]) => labelOf(service, key) === value);
}

/** A label of a service, by which selectors find it. */
export function labelOf(
  service: { readonly name: string; readonly labels: Labels },
  key: string,
): string | undefined {
  return key === LABEL.displayName ? displayName(service) : service.labels[key];
}
