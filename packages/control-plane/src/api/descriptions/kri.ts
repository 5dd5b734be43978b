import type { Registry } from "@skein/model";
import { BAD_PARAMETER, problem } from "./parts.ts";
import { documentAnswer, KUBERNETES_PARAMETERS } from "./resources.ts";
import type { Topic } from "./topic.ts";

/** A resource by the identifier that is the same in all zones. */
export function describeKri(registry: Registry): Topic {
  const kinds = registry.kinds.filter(({ shortName }) => shortName !== undefined);
  return {
    paths: {
      "/_kri/{kri}": {
        get: {
          ...{ id: "getByKri", tag: "KRI" },
          summary: "A resource by the identifier that is the same in all zones",
          parameters: KUBERNETES_PARAMETERS,
          answers: {
            200: documentAnswer(kinds),
            400: BAD_PARAMETER,
            403: problem("Only admins may."),
            404: problem("There is none."),
          },
        },
      },
    },
  };
}
