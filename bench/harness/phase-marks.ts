/** Where phases begin on the clock that CPU profiles use, printed for `bench/profile.ts`. */
export class PhaseMarks {
  readonly #on: boolean;
  readonly #marks: string[] = [];

  constructor(on: boolean) {
    this.#on = on;
  }

  begin(phase: string): void {
    this.#marks.push(`${phase}=${process.hrtime.bigint() / 1000n}`);
  }

  print(): void {
    if (this.#on) process.stdout.write(`profile phases: ${this.#marks.join(" ")}\n`);
  }
}
