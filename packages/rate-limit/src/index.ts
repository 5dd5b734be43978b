export { type Counters, memoryCounters } from "./counters.ts";
export { type RateLimitServer, startRateLimitServer } from "./server.ts";
