// A session with the receiver: begun with a key, which is then forgotten, and kept by a cookie that scripts cannot read.

import { ApiError, ask } from "./api.js";

const SESSION = "/console/session";

const UNKEPT = "The receiver opened a session, and the browser did not keep its cookie. Behind a TLS proxy, open the console over https.";
const REJECTED = "This key cannot read: it is wrong, expired, revoked or of another scope.";

/** A key that a header can carry; other text would make `fetch` fail with a message about header values. */
export const isKey = (text) => /^[\x21-\x7e]{8,512}$/.test(text);

/** Who is logged in, from before: `{tenant, agent, version}`, or null when the receiver asks for a key. */
export async function resume() {
  const { signed_in: there, ...signedIn } = await (await ask(SESSION)).json();
  return there ? signedIn : null;
}

/**
 * Begin a session with a key; gives the same.
 *
 * @throws {ApiError} the key is refused (with a message for people), or the receiver cannot be reached.
 */
export async function begin(key) {
  try {
    await ask(SESSION, { method: "POST", headers: { Authorization: `Bearer ${key}` }, credentials: "same-origin" });
  } catch (failure) {
    if ([401, 403].includes(failure.status)) throw new ApiError(failure.status, REJECTED);
    throw failure;
  }
  const signedIn = await resume();
  if (!signedIn) throw new ApiError(401, UNKEPT);
  return signedIn;
}

/** End the session, here and at the receiver; a receiver that is gone has forgotten it. */
export async function end() {
  try {
    await ask(SESSION, { method: "DELETE" });
  } catch (failure) {
    if (!(failure instanceof ApiError)) throw failure;
  }
}
