// Server-sent events out of a body, so that they can be asked for with a header: EventSource sends none.

/** Yields {id, type, data}. */
export async function* messages(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split(/\r?\n\r?\n/);
      rest = blocks.pop();
      for (const block of blocks) {
        const message = parsed(block);
        if (message) yield message;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function parsed(block) {
  const message = { id: "", type: "message", data: "" };
  for (const text of block.split(/\r?\n/)) {
    const [, name, value] = /^(\w+): ?(.*)$/.exec(text) ?? [];
    if (name === "id") message.id = value;
    else if (name === "event") message.type = value;
    else if (name === "data") message.data += message.data ? `\n${value}` : value;
  }
  return message.data ? message : null;
}
