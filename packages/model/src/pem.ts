const BEGIN = "-----BEGIN ";
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * What keeps a text from being a list of PEM certificates (RFC 7468), or `undefined`. Looks at the envelope only, so
 * that it also runs in a browser; whether the certificates are good CAs is for the control plane to say.
 */
export function pemCertificateProblem(text: string): string | undefined {
  let start = text.indexOf(BEGIN);
  if (start < 0) return "must have at least one PEM block -----BEGIN CERTIFICATE-----";
  while (start >= 0) {
    const labelStart = start + BEGIN.length;
    const labelEnd = text.indexOf("-----", labelStart);
    const label = text.slice(labelStart, labelEnd);
    if (labelEnd < 0 || label !== "CERTIFICATE") {
      return `must hold certificates only, not a PEM block of type ${label.slice(0, 40)}`;
    }
    const end = text.indexOf("-----END CERTIFICATE-----", labelEnd);
    if (end < 0) return "has a PEM block without -----END CERTIFICATE-----";
    const base64 = text.slice(labelEnd + 5, end).replace(/\s+/g, "");
    if (!base64.startsWith("M") || base64.length % 4 !== 0 || !BASE64.test(base64)) {
      return "must hold PEM certificates, but the content of a block is not one";
    }
    start = text.indexOf(BEGIN, end);
  }
  return undefined;
}
