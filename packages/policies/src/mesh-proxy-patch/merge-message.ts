import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";

/**
 * Merges a message into another as protobuf does: scalars that are set overwrite, messages merge, lists append, maps
 * take over key by key. Values that are one thing though they are messages (durations, wrapped scalars, anything packed)
 * are replaced: half a duration of the one and half of the other is nobody's wish.
 */
export function mergeMessage<Desc extends DescMessage>(
  schema: Desc,
  target: MessageShape<Desc>,
  patch: MessageShape<Desc>,
): void {
  merge(reflect(schema, target), reflect(schema, patch));
}

function merge(target: ReflectMessage, patch: ReflectMessage): void {
  for (const field of patch.fields) {
    if (!patch.isSet(field)) continue;
    switch (field.fieldKind) {
      case "list": {
        const list = target.get(field);
        for (const item of patch.get(field)) list.add(item);
        break;
      }
      case "map": {
        const map = target.get(field);
        for (const [key, value] of patch.get(field)) map.set(key, value);
        break;
      }
      case "message":
        if (target.isSet(field) && !isOneThing(field.message)) {
          const inner = target.get(field);
          merge(inner, patch.get(field));
          target.set(field, inner);
        } else target.set(field, patch.get(field));
        break;
      default:
        target.set(field, patch.get(field));
    }
  }
}

function isOneThing({ typeName }: DescMessage): boolean {
  return typeName.startsWith("google.protobuf.") && typeName !== "google.protobuf.Struct";
}
