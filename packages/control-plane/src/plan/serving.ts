import type { EgressChainPlan, InboundSharedPlan, ProxyPlan } from "@skein/policies";

/** What others call at a proxy. */
export interface CalledPart {
  /** Of the inbound or listener. */
  readonly section: string;
  /** For people. */
  readonly name: string;
  readonly shared: InboundSharedPlan | EgressChainPlan;
}

/** Everything that others call at a proxy: its inbounds, and the services outside that its egresses lead to. */
export function calledParts({ inbounds, egresses = [] }: ProxyPlan): readonly CalledPart[] {
  return [
    ...inbounds.map(({ section, shared }) => ({ section, name: `inbound ${section}`, shared })),
    ...egresses.flatMap(({ section, chains }) =>
      chains.map((shared) => ({
        ...{ section, shared },
        name: `egress ${section} to ${shared.destination.name}`,
      })),
    ),
  ];
}
