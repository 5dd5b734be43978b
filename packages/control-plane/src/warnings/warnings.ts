import type {
  DataplaneResource,
  HostnameGeneratorResource,
  MeshExternalServiceResource,
  MeshGatewayResource,
  MeshIdentityResource,
  MeshMultiZoneServiceResource,
  MeshResource,
  MeshServiceResource,
  Resource,
} from "@skein/model";
import type { PolicyResource } from "@skein/policies";
import type { AddressedDraft } from "../naming/addressed.ts";
import type { Store } from "../store/store.ts";
import { dataplaneWarnings } from "./dataplane.ts";
import { routingWarnings } from "./egress.ts";
import { externalServiceWarnings } from "./external.ts";
import { meshGatewayWarnings, unselectedGatewayWarnings } from "./gateway.ts";
import { identityWarnings } from "./identity.ts";
import { generatorWarnings, hostnameWarnings, memberWarnings } from "./naming.ts";
import { policyWarnings } from "./policy.ts";
import { meshModeWarnings, reachableListWarnings } from "./reachability.ts";
import { serviceWarnings } from "./service.ts";

/** What a written document says that is fine and probably not what its writer wanted. */
export function warningsFor(
  written: Resource,
  store: Store,
  isPolicy: (type: string) => boolean,
): readonly string[] {
  const dataplanes = store.list<DataplaneResource>({ type: "Dataplane", mesh: written.mesh });
  if (isPolicy(written.type)) return policyWarnings(written as PolicyResource, dataplanes, store);
  switch (written.type) {
    case "MeshService":
      return [
        ...serviceWarnings(written as MeshServiceResource, dataplanes),
        ...hostnameWarnings(written as AddressedDraft, store),
      ];
    case "MeshExternalService":
      return [
        ...externalServiceWarnings(written as MeshExternalServiceResource, store),
        ...hostnameWarnings(written as AddressedDraft, store),
      ];
    case "MeshMultiZoneService":
      return [
        ...memberWarnings(written as MeshMultiZoneServiceResource, store),
        ...hostnameWarnings(written as AddressedDraft, store),
      ];
    case "HostnameGenerator":
      return generatorWarnings(written as HostnameGeneratorResource, store);
    case "MeshGateway":
      return meshGatewayWarnings(written as MeshGatewayResource, store);
    case "MeshIdentity":
      return identityWarnings(written as MeshIdentityResource, dataplanes, store);
    case "Dataplane":
      return [
        ...dataplaneWarnings(written as DataplaneResource, store),
        ...reachableListWarnings(written as DataplaneResource, store),
        ...unselectedGatewayWarnings(written as DataplaneResource, store),
      ];
    case "Mesh":
      return [
        ...meshModeWarnings(written as MeshResource, store),
        ...routingWarnings(written as MeshResource, store),
      ];
    default:
      return [];
  }
}
