/**
 * What commands load when they need YAML. A module of our own, because the package is CommonJS: in a bundle its functions
 * have names only where somebody imports them statically.
 */
export { parse, stringify } from "yaml";
