import { COMMENT_PREFIX, type Hook, type Match, type Rule, type Verdict } from "../rules/rule.ts";

/** The kernel keeps 255 characters of a comment. */
const LONGEST_COMMENT = 255;

/** A rule as arguments of iptables, without `-A CHAIN`; in the order and spelling of `iptables-save`. */
export function printRule({ match, verdict, comment }: Rule, comments: boolean): string {
  return [...printMatch(match), ...(comments ? [printComment(comment)] : []), printVerdict(verdict)].join(
    " ",
  );
}

/** The rule that leads into a chain of ours. */
export function printHook({ match, chain, comment }: Hook, comments: boolean): string {
  return printRule({ match, verdict: { kind: "jump", chain }, comment }, comments);
}

function printMatch(match: Match): readonly string[] {
  const { protocol, ports, owner } = match;
  return [
    ...(match.source === undefined ? [] : [`-s ${match.source}`]),
    ...(match.destination === undefined ? [] : [`-d ${match.destination}`]),
    ...(match.notDestination === undefined ? [] : [`! -d ${match.notDestination}`]),
    ...(match.inInterface === undefined ? [] : [`-i ${match.inInterface}`]),
    ...(match.outInterface === undefined ? [] : [`-o ${match.outInterface}`]),
    ...(protocol === undefined ? [] : [`-p ${protocol}`]),
    ...(match.sourcePort === undefined ? [] : [`-m ${protocol} --sport ${match.sourcePort}`]),
    ...(ports === undefined ? [] : [printPorts(protocol ?? "tcp", ports)]),
    ...(owner === undefined
      ? []
      : [`-m owner --uid-owner ${owner.from === owner.to ? owner.from : `${owner.from}-${owner.to}`}`]),
    ...(match.notOwner === undefined ? [] : [`-m owner ! --uid-owner ${match.notOwner}`]),
    ...(match.invalid === true ? ["-m conntrack --ctstate INVALID"] : []),
  ];
}

function printPorts(protocol: string, ports: NonNullable<Match["ports"]>): string {
  const list = ports.map(({ from, to }) => (from === to ? String(from) : `${from}:${to}`)).join(",");
  return ports.length === 1 ? `-m ${protocol} --dport ${list}` : `-m multiport --dports ${list}`;
}

function printComment(comment: string): string {
  return `-m comment --comment "${`${COMMENT_PREFIX}${comment}`.slice(0, LONGEST_COMMENT)}"`;
}

function printVerdict(verdict: Verdict): string {
  switch (verdict.kind) {
    case "return":
      return "-j RETURN";
    case "drop":
      return "-j DROP";
    case "jump":
      return `-j ${verdict.chain}`;
    case "redirect":
      return `-j REDIRECT --to-ports ${verdict.port}`;
    case "zone":
      return `-j CT --zone ${verdict.zone}`;
    case "log":
      return `-j LOG --log-prefix "${verdict.prefix}" --log-level ${verdict.level}`;
  }
}
