import fc from "fast-check";
import { dataplane } from "./dataplane.ts";
import type { Document } from "./document.ts";
import { gatewayDataplane, meshGateway } from "./gateway.ts";
import { gatewayPolicy } from "./gateway-policies.ts";
import { mesh, meshIdentity, meshTrust, secret } from "./mesh.ts";
import { policy } from "./policies.ts";
import { externalService, meshService, multiZoneService } from "./services.ts";

/* Documents of a small mesh in which everything has to do with everything. */

/** All that a gateway needs to be one, which seldom comes together by chance. */
export const gatewayScene: fc.Arbitrary<readonly Document[]> = fc
  .tuple(mesh, gatewayDataplane, meshGateway, meshService, gatewayPolicy, gatewayPolicy, gatewayPolicy)
  .map((documents) => [...documents]);

/** Any document. */
export const document: fc.Arbitrary<Document> = fc.oneof(
  { weight: 1, arbitrary: mesh },
  { weight: 5, arbitrary: dataplane },
  { weight: 3, arbitrary: gatewayDataplane },
  { weight: 3, arbitrary: meshGateway },
  { weight: 4, arbitrary: meshService },
  { weight: 2, arbitrary: meshIdentity },
  { weight: 1, arbitrary: meshTrust },
  { weight: 2, arbitrary: externalService },
  { weight: 1, arbitrary: secret },
  { weight: 1, arbitrary: multiZoneService },
  { weight: 5, arbitrary: policy },
  { weight: 8, arbitrary: gatewayPolicy },
);
