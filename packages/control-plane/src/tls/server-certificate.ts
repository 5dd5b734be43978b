import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { failure, type Outcome, success } from "../identity/outcome.ts";

/** A server's certificate chain and private key, in PEM, as `node:tls` takes them. */
export interface ServerCertificate {
  readonly certPem: string;
  readonly keyPem: string;
}

/** Where the two were read from, for messages. */
export interface CertificatePaths {
  readonly certPath: string;
  readonly keyPath: string;
}

/** Checks that certificate and key can be read, belong together, and are valid now. The error is a sentence. */
export function checkServerCertificate(
  pair: ServerCertificate,
  paths: CertificatePaths,
  now: number,
): Outcome<ServerCertificate, string> {
  const certificate = attempt(() => new X509Certificate(pair.certPem));
  if (certificate === undefined) return failure(`${paths.certPath} is not a certificate in PEM`);
  const key: KeyObject | undefined = attempt(() => createPrivateKey(pair.keyPem));
  if (key === undefined) return failure(`${paths.keyPath} is not an unencrypted private key in PEM`);
  if (!certificate.checkPrivateKey(key)) {
    return failure(`the private key ${paths.keyPath} does not belong to the certificate ${paths.certPath}`);
  }
  if (now >= certificate.validToDate.getTime()) {
    return failure(`the certificate ${paths.certPath} expired at ${certificate.validToDate.toISOString()}`);
  }
  if (now < certificate.validFromDate.getTime()) {
    return failure(
      `the certificate ${paths.certPath} is valid only from ${certificate.validFromDate.toISOString()}`,
    );
  }
  return success(pair);
}

function attempt<Value>(work: () => Value): Value | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
