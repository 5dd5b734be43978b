/**
 * Makes a queue whose tasks run in the order in which they came, so many in each turn of the event loop: between them all
 * that is under way goes on.
 */
export function inTurns(perTurn: number): (task: () => void) => void {
  let waiting: (() => void)[] = [];

  function turn(): void {
    const now = waiting.slice(0, perTurn);
    waiting = waiting.slice(perTurn);
    if (waiting.length > 0) setImmediate(turn);
    for (const task of now) task();
  }

  return (task) => {
    if (waiting.push(task) === 1) setImmediate(turn);
  };
}
