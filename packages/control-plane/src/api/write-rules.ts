import type { KindDefinition } from "@skein/model";
import type { ApiSettings } from "./deps.ts";
import { Problem, titles } from "./problem.ts";

/** Whether this control plane takes writes of a kind through its API. */
export function isWritable(kind: KindDefinition, settings: ApiSettings): boolean {
  const { global, zone } = kind.writableOn;
  if (settings.readOnly || (!global && !zone)) return false;
  if (settings.mode === "global") return global;
  return settings.federated ? zone : true;
}

/** 405 that says where the kind can be written instead. */
export function notWritable(kind: KindDefinition, settings: ApiSettings): Problem {
  return new Problem(405, titles.notAllowed, reason(kind, settings));
}

function reason(kind: KindDefinition, settings: ApiSettings): string {
  if (!kind.writableOn.global && !kind.writableOn.zone) {
    return `${kind.path} are written by the control plane itself and are read-only in the API.`;
  }
  if (settings.readOnly) {
    return settings.environment === "kubernetes"
      ? `The API of this control plane is read-only: use kubectl to change ${kind.path}.`
      : `The API of this control plane is read-only (apiServer.readOnly): ${kind.path} cannot be changed through it.`;
  }
  return settings.mode === "global"
    ? `On global control plane you can not modify ${kind.path} resources: write them on a zone control plane.`
    : `On zone control plane you can only modify zone resources: write ${kind.path} on the global control plane.`;
}
