import { readFileSync, writeFileSync } from "node:fs";

/**
 * Loaded into a control plane with `--import`: on SIGUSR2 both its clocks jump by what the file in
 * `SKEIN_TEST_CLOCK` says, as those of a machine do that was set or suspended. Timers go on as they were.
 */
interface Shift {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

const file = process.env.SKEIN_TEST_CLOCK;
let shift: Shift = { wallMs: 0, monotonicMs: 0 };

const wall = Date.now.bind(Date);
const monotonic = performance.now.bind(performance);
Date.now = () => wall() + shift.wallMs;
performance.now = () => monotonic() + shift.monotonicMs;

if (file !== undefined) {
  process.on("SIGUSR2", () => {
    shift = JSON.parse(readFileSync(file, "utf8")) as Shift;
    writeFileSync(`${file}.done`, JSON.stringify(shift));
  });
}
