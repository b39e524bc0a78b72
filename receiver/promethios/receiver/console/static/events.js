// Server-sent events out of a stream of text (https://html.spec.whatwg.org/multipage/server-sent-events.html).
// The browser's EventSource neither says why it failed nor when it is silent.

/** A parser: give it text as it comes, and it calls `emit({event, data, id})` for each complete event. */
export function parser(emit) {
  let rest = "";
  let event = "";
  let data = [];
  let id = "";

  function line(text) {
    if (text === "") {
      if (data.length) emit({ event: event || "message", data: data.join("\n"), id });
      event = "";
      data = [];
      return;
    }
    if (text.startsWith(":")) return;
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(text);
    if (field === "event") event = value;
    else if (field === "data") data.push(value);
    else if (field === "id" && !value.includes("\0")) id = value;
  }

  return (text) => {
    rest += text;
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    for (const one of lines) line(one);
  };
}
