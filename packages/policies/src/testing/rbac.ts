import assert from "node:assert/strict";
import type { Caller } from "../mesh-traffic-permission/verdict.ts";

/** JSON of a message; only looked into by field name. */
type Json = Readonly<Record<string, unknown>>;

/** What an RBAC filter would do with one caller. */
export interface RbacAnswer {
  readonly allowed: boolean;
  /** What the shadow rules would do, where there are any. */
  readonly shadowAllowed: boolean | undefined;
}

/** Evaluates the JSON of an RBAC filter's configuration as Envoy documents it. */
export function evaluateRbac(config: unknown, caller: Caller): RbacAnswer {
  const filter = object(config);
  const decide = (rules: unknown, matcher: unknown): boolean | undefined => {
    if (matcher !== undefined) return matcherAllows(object(matcher), caller);
    return rules === undefined ? undefined : rulesAllow(object(rules), caller);
  };
  const allowed = decide(filter.rules, filter.matcher);
  return { allowed: allowed ?? true, shadowAllowed: decide(filter.shadowRules, filter.shadowMatcher) };
}

/** An ALLOW policy set: allowed when any policy's permissions and principals hold; nobody without policies. */
function rulesAllow(rules: Json, caller: Caller): boolean {
  assert.equal(rules.action ?? "ALLOW", "ALLOW");
  return Object.values(object(rules.policies ?? {})).some((policy) => {
    const { permissions, principals } = object(policy);
    return (
      list(permissions).some((permission) => permissionHolds(object(permission), caller)) &&
      list(principals).some((principal) => principalHolds(object(principal), caller))
    );
  });
}

function permissionHolds(permission: Json, caller: Caller): boolean {
  const [[kind, value] = ["", undefined]] = Object.entries(permission);
  switch (kind) {
    case "any":
      return true;
    case "requestedServerName":
      return stringHolds(value, caller.sni ?? "");
    case "notRule":
      return !permissionHolds(object(value), caller);
    case "andRules":
      return list(object(value).rules).every((rule) => permissionHolds(object(rule), caller));
    case "orRules":
      return list(object(value).rules).some((rule) => permissionHolds(object(rule), caller));
    default:
      throw new Error(`no such permission in this evaluator: ${kind}`);
  }
}

function principalHolds(principal: Json, caller: Caller): boolean {
  const [[kind, value] = ["", undefined]] = Object.entries(principal);
  switch (kind) {
    case "any":
      return true;
    case "authenticated": {
      const { principalName } = object(value);
      return principalName === undefined || caller.uris.some((uri) => stringHolds(principalName, uri));
    }
    case "notId":
      return !principalHolds(object(value), caller);
    case "andIds":
      return list(object(value).ids).every((id) => principalHolds(object(id), caller));
    case "orIds":
      return list(object(value).ids).some((id) => principalHolds(object(id), caller));
    default:
      throw new Error(`no such principal in this evaluator: ${kind}`);
  }
}

/** A matcher list: the first predicate that holds decides, else `onNoMatch`. */
function matcherAllows(matcher: Json, caller: Caller): boolean {
  const { matcherList, onNoMatch } = matcher;
  const matchers = matcherList === undefined ? [] : list(object(matcherList).matchers);
  for (const entry of matchers) {
    const { predicate, onMatch } = object(entry);
    if (predicateHolds(predicate, caller)) return actionAllows(onMatch);
  }
  return actionAllows(onNoMatch);
}

function actionAllows(onMatch: unknown): boolean {
  const action = object(object(object(onMatch).action).typedConfig);
  assert.equal(typeof action.name, "string");
  return (action.action ?? "ALLOW") === "ALLOW";
}

/** Whether a predicate of the matching API holds. `uri_san` sees all URIs of a certificate joined by commas. */
export function predicateHolds(predicate: unknown, caller: Caller): boolean {
  const { singlePredicate, orMatcher, andMatcher } = object(predicate);
  if (orMatcher !== undefined)
    return list(object(orMatcher).predicate).some((each) => predicateHolds(each, caller));
  if (andMatcher !== undefined)
    return list(object(andMatcher).predicate).every((each) => predicateHolds(each, caller));
  const { input, valueMatch } = object(singlePredicate);
  const value = inputValue(String(object(object(input).typedConfig)["@type"]), caller);
  return value !== undefined && stringHolds(valueMatch, value);
}

function inputValue(type: string, caller: Caller): string | undefined {
  if (type.endsWith(".UriSanInput")) return caller.uris.length === 0 ? undefined : caller.uris.join(",");
  if (type.endsWith(".ServerNameInput")) return caller.sni;
  throw new Error(`no such input in this evaluator: ${type}`);
}

function stringHolds(matcher: unknown, value: string): boolean {
  const { exact, prefix } = object(matcher);
  if (typeof exact === "string") return value === exact;
  if (typeof prefix === "string") return value.startsWith(prefix);
  throw new Error(`no such string matcher in this evaluator: ${JSON.stringify(matcher)}`);
}

function object(value: unknown): Json {
  assert.ok(typeof value === "object" && value !== null, `not an object: ${JSON.stringify(value)}`);
  return value as Json;
}

function list(value: unknown): readonly unknown[] {
  assert.ok(value === undefined || Array.isArray(value));
  return value ?? [];
}
