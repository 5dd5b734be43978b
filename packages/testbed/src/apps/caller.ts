/**
 * The SPIFFE id of the caller, from the header that the sidecar sets after it verified the certificate.
 * The last element is the nearest hop. Format: Envoy, "x-forwarded-client-cert".
 */
export function callerOf(forwardedClientCert: string | undefined): string | undefined {
  const element = splitOutsideQuotes(forwardedClientCert ?? "", ",").at(-1) ?? "";
  for (const pair of splitOutsideQuotes(element, ";")) {
    const [key, ...rest] = pair.split("=");
    if (key?.trim().toLowerCase() === "uri") return unquote(rest.join("="));
  }
  return undefined;
}

function splitOutsideQuotes(text: string, separator: string): readonly string[] {
  const parts: string[] = [];
  let part = "";
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (char === "\\" && quoted) {
      part += char + text.charAt(++i);
    } else if (char === separator && !quoted) {
      parts.push(part);
      part = "";
    } else {
      if (char === '"') quoted = !quoted;
      part += char;
    }
  }
  return [...parts, part];
}

function unquote(text: string): string | undefined {
  const value = text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1).replaceAll('\\"', '"') : text;
  return value === "" ? undefined : value;
}
