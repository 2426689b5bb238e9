/**
 * Runs the newest of many requests. At most one is in flight, an older one is aborted, and two starts are at least
 * `interval` milliseconds apart: a slider that moves sends some requests per second, however many events it has.
 */
export class Latest {
  #interval;
  #timer = 0;
  #started = -Infinity;
  #controller = null;

  /** @param {number} interval milliseconds */
  constructor(interval) {
    this.#interval = interval;
  }

  /**
   * Run a task as soon as it may start, unless a newer one comes before.
   * @param {(signal: AbortSignal) => Promise<void>} task
   * @param {number} [delay] milliseconds to wait at least
   */
  run(task, delay = 0) {
    clearTimeout(this.#timer);
    const wait = Math.max(delay, this.#started + this.#interval - performance.now());
    if (wait <= 0) this.#start(task);
    else this.#timer = setTimeout(() => this.#start(task), wait);
  }

  /** Abort what runs, and forget what waits. */
  cancel() {
    clearTimeout(this.#timer);
    this.#controller?.abort();
  }

  #start(task) {
    this.#controller?.abort();
    this.#controller = new AbortController();
    this.#started = performance.now();
    task(this.#controller.signal);
  }
}
