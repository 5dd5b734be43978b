/** The product and the version of this command line; kept equal to `package.json` by a test. */
export const product = "Skein";
export const version = "0.1.0";

/** The Kuma API that this command line speaks. */
export const apiVersion = "2.14";
