/**
 * The version of the Kuma API that Skein speaks; clients compare it with their own. `preview` tells them that it is
 * not that build, so that they do not insist on being the same.
 */
export const VERSION = "2.14.3-preview.skein";
