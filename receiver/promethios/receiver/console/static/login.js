// The way in: a key is shown to the receiver once, for a session; then the page forgets it.

import { begin, isKey } from "./session.js";

const $ = (id) => document.getElementById(id);
const NO_KEY = "This does not look like a key: keys begin with pmk_ and have no blanks.";

/** Show the form, with a message; `enter(signedIn)` is called when the receiver has opened a session. */
export function askForKey(message = "") {
  $("console").hidden = true;
  $("login").hidden = false;
  $("login-error").textContent = message;
  $("key").value = "";
  $("key").focus();
}

export function onLogin(enter) {
  $("login-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const key = $("key").value.trim();
    const button = event.target.querySelector("button");
    $("login-error").textContent = isKey(key) ? "" : NO_KEY;
    if (!isKey(key)) return;
    button.disabled = true;
    try {
      const signedIn = await begin(key);
      $("key").value = "";
      $("login").hidden = true;
      enter(signedIn);
    } catch (failure) {
      $("login-error").textContent = failure.message;
    } finally {
      button.disabled = false;
    }
  });
}
