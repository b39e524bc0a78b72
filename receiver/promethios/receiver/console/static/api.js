// The receiver's JSON API. The key lives in the closure of one client: not in a URL, not in any storage.

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

/** A client that asks with `key`; `get` returns the answer's object, whose rows are in `data`. */
export function connect(key) {
  const headers = { Accept: "application/json", Authorization: `Bearer ${key}` };

  async function get(path, params = {}, signal = undefined) {
    const query = new URLSearchParams(
      Object.entries(params).filter(([, value]) => value !== "" && value !== undefined),
    ).toString();
    const url = `/api/v1/${path}${query ? `?${query}` : ""}`;
    let response;
    try {
      response = await fetch(url, {
        headers,
        signal,
        cache: "no-store",
        credentials: "omit",
        redirect: "error",
      });
    } catch (failure) {
      if (failure.name === "AbortError") throw failure;
      throw new ApiError(0, "The receiver cannot be reached. Is it running?");
    }
    if (!response.ok) throw new ApiError(response.status, await explain(response));
    return response.json();
  }

  return Object.freeze({ get });
}

/** A key that a header can carry; other text would make `fetch` fail with a message about header values. */
export const isKey = (text) => /^[\x21-\x7e]{8,512}$/.test(text);
