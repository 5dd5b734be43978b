/** How much a finding matters: an error breaks something now, a warning does nothing or not what was meant. */
export type Severity = "error" | "warning" | "info";

/** What a code stands for. Codes are stable: pipelines filter by them. */
export interface CodeDefinition {
  readonly severity: Severity;
  readonly title: string;
  /** What to do about it. */
  readonly fix: string;
}

/** Every code. Described with examples in docs/analyze.md, which a test holds to this table. */
export const CODES = {
  SK0101: {
    severity: "warning",
    title: "a policy selects nothing",
    fix: "correct spec.targetRef, or delete the policy",
  },
  SK0102: {
    severity: "warning",
    title: "a rule is shadowed whole",
    fix: "delete the rule, or give its policy a more specific targetRef",
  },
  SK0103: {
    severity: "warning",
    title: "two policies conflict and only their names decide",
    fix: "put both values into one policy, or make one targetRef more specific",
  },
  SK0104: {
    severity: "warning",
    title: "a rule of a route that no request reaches",
    fix: "delete the rule, or narrow the matches that come before it",
  },
  SK0201: {
    severity: "warning",
    title: "a rule is about a service that is not there",
    fix: "correct the name or labels in to[].targetRef",
  },
  SK0202: {
    severity: "error",
    title: "an outbound leads nowhere",
    fix: "correct backendRef, or create the MeshService",
  },
  SK0203: {
    severity: "warning",
    title: "a MeshIdentity selects nothing",
    fix: "correct spec.selector",
  },
  SK0204: {
    severity: "warning",
    title: "a route sends to nothing",
    fix: "correct backendRefs or backendRef, or create the MeshService",
  },
  SK0205: {
    severity: "warning",
    title: "a rule is about a route that is not there",
    fix: "correct the name or labels in targetRef",
  },
  SK0206: {
    severity: "warning",
    title: "a gateway and a MeshGateway that do not find each other",
    fix: "make networking.gateway.tags of the Dataplane and a selector of the MeshGateway the same",
  },
  SK0207: {
    severity: "warning",
    title: "a route that its gateway cannot use",
    fix: "name host names that a listener has, or give the route the kind that goes with the protocol",
  },
  SK0208: {
    severity: "warning",
    title: "a MeshTCPRoute that MeshHTTPRoutes put aside",
    fix: "put its backendRefs into a rule of the MeshHTTPRoute, and delete the MeshTCPRoute",
  },
  SK0301: {
    severity: "warning",
    title: "an HTTP rule on a port of bytes",
    fix: "set appProtocol of the port and protocol of its inbounds to http, http2 or grpc",
  },
  SK0302: {
    severity: "warning",
    title: "a service and its inbound speak different protocols",
    fix: "make appProtocol of the MeshService and protocol of the inbound the same",
  },
  SK0401: {
    severity: "error",
    title: "a proxy without identity in a strict mesh",
    fix: "let a MeshIdentity select it and give it the labels that its SPIFFE id needs, or use a MeshTLS of mode Permissive",
  },
  SK0402: {
    severity: "warning",
    title: "a policy needs identities that are not there",
    fix: "let a MeshIdentity select the proxies",
  },
  SK0403: {
    severity: "warning",
    title: "a CA expires soon",
    fix: "add the next CA to the bundle before this one ends",
  },
  SK0404: {
    severity: "error",
    title: "a workload certificate has expired, or is not renewed in time",
    fix: "look at the conditions of the MeshIdentity and at the proxy's connection",
  },
  SK0501: {
    severity: "info",
    title: "a deprecated shape",
    fix: "write it in the newer form that the message names",
  },
  SK0601: {
    severity: "warning",
    title: "an inbound port that no MeshService selects",
    fix: "add a port with this targetPort to a MeshService that selects the Dataplane",
  },
  SK0602: {
    severity: "warning",
    title: "a service without endpoints",
    fix: "start an instance, or correct selector and targetPort",
  },
  SK0603: {
    severity: "error",
    title: "an external or multi-zone service to which nothing can be sent",
    fix: "create what the message names, or correct the resource",
  },
  SK0604: {
    severity: "warning",
    title: "a service without the host name that a generator should give it",
    fix: "give one of the services another name, or the HostnameGenerator another template",
  },
  SK0605: {
    severity: "error",
    title: "a service without an address",
    fix: "remove services that are no longer needed, or configure a larger range",
  },
  SK0606: {
    severity: "error",
    title: "a listener of a gateway that serves nobody",
    fix: "give it the certificate or the route that the message names",
  },
} as const satisfies Readonly<Record<string, CodeDefinition>>;

/** A code of a finding. */
export type Code = keyof typeof CODES;
