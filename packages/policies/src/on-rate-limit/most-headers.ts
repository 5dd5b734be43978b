/** So many headers Envoy adds to a refusal; it rejects a configuration with more. */
export const MOST_HEADERS = 10;
