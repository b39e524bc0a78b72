// What happens now: the receiver's stream of events. When it breaks, it is tried again, with growing pauses; until
// then the page asks at intervals, as it would without.

import { parser } from "./events.js";

const SILENT_FOR = 60_000;
const LONGEST_PAUSE = 30_000;

async function read(response, alive, emit) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const push = parser(emit);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    alive();
    push(value);
  }
}

/**
 * Follow `client`'s events: `on.state("live" | "polling")` tells whether they come, `on.event(event, data)` each one,
 * `on.rejected()` that the session is over. `end()` stops.
 */
export function follow(client, on) {
  const life = new AbortController();
  let lastId = "";
  let pause = 1000;

  async function once() {
    const attempt = new AbortController();
    const stop = () => attempt.abort();
    life.signal.addEventListener("abort", stop, { once: true });
    let watch = setTimeout(stop, SILENT_FOR);
    const alive = () => {
      clearTimeout(watch);
      watch = setTimeout(stop, SILENT_FOR);
    };
    try {
      const headers = { Accept: "text/event-stream", ...(lastId && { "Last-Event-ID": lastId }) };
      const response = await client.stream("live", [], { headers, signal: attempt.signal });
      on.state("live");
      pause = 1000;
      await read(response, alive, ({ event, data, id }) => {
        lastId = id || lastId;
        on.event(event, data);
      });
    } finally {
      clearTimeout(watch);
      life.signal.removeEventListener("abort", stop);
    }
  }

  async function always() {
    while (!life.signal.aborted) {
      try {
        await once();
      } catch (failure) {
        if (failure.status === 401 && !life.signal.aborted) return on.rejected();
      }
      if (life.signal.aborted) return;
      on.state("polling");
      // Not all pages at the same moment, when a receiver comes back.
      await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random() / 2)));
      pause = Math.min(2 * pause, LONGEST_PAUSE);
    }
  }

  always();
  return { end: () => life.abort() };
}
