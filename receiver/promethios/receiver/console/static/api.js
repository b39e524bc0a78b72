// The receiver's JSON API, asked with the session's cookie, which no script can read. Equal questions that are under
// way at the same moment are asked once; one that nobody waits for any more is ended.

/** An answer that is not one: `status` is the HTTP status, or 0 when the receiver could not be reached. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.name = "ApiError";
    this.status = status;
  }
}

async function explain(response) {
  try {
    const problem = await response.json();
    return problem.detail || problem.title || `HTTP ${response.status}`;
  } catch {
    return `The receiver answered with HTTP ${response.status}.`;
  }
}

/** The address of a question; `params` is a list of [name, value], of which empty ones are left out. */
export function addressOf(path, params = []) {
  const query = new URLSearchParams(params.filter(([, value]) => value !== "" && value !== undefined)).toString();
  return `/api/v1/${path}${query ? `?${query}` : ""}`;
}

/** Fetch from this receiver and nowhere else: same origin, no redirect, nothing kept in the browser's cache. */
export async function ask(address, options = {}) {
  let response;
  try {
    response = await fetch(address, { cache: "no-store", credentials: "same-origin", redirect: "error", ...options });
  } catch (failure) {
    if (failure.name === "AbortError") throw failure;
    throw new ApiError(0, "The receiver cannot be reached. Is it running?");
  }
  if (!response.ok) throw new ApiError(response.status, await explain(response));
  return response;
}

/**
 * A client: `get(path, params, signal)` gives the answer's object, whose rows are in `data`; `stream(path, params,
 * options)` the response as it comes. `onBusy(yes)` is told when the first question begins and the last ends.
 */
export function connect(onBusy) {
  const going = new Map();
  const gone = (address, shared) => {
    if (going.get(address) !== shared) return;
    going.delete(address);
    if (going.size === 0) onBusy(false);
  };

  function begin(address) {
    const controller = new AbortController();
    const headers = { Accept: "application/json" };
    const answer = ask(address, { headers, signal: controller.signal }).then((response) => response.json());
    const shared = { answer, controller, waiting: 0 };
    if (going.size === 0) onBusy(true);
    going.set(address, shared);
    answer.catch(() => {}).finally(() => gone(address, shared));
    return shared;
  }

  function get(path, params = [], signal = undefined) {
    signal?.throwIfAborted();
    const address = addressOf(path, params);
    const shared = going.get(address) ?? begin(address);
    shared.waiting += 1;
    return new Promise((resolve, reject) => {
      const leave = () => {
        shared.waiting -= 1;
        if (shared.waiting === 0) {
          gone(address, shared);
          shared.controller.abort();
        }
        reject(signal.reason);
      };
      signal?.addEventListener("abort", leave, { once: true });
      shared.answer.then(resolve, reject).finally(() => signal?.removeEventListener("abort", leave));
    });
  }

  const stream = (path, params, options) => ask(addressOf(path, params), options);
  return Object.freeze({ get, stream });
}
