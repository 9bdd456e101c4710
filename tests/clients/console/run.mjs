// The console in a real Chromium: `node run.mjs WALK FACTS`, with FACTS as JSON: the gateway's address, a key, what is
// there. Exits with 0 when everything was as promised. A line on standard output asks the test for something,
// and waits for its line.
import { opened } from "./browser.mjs";
import * as walks from "./walks.mjs";

const [, , walk, facts] = process.argv;
const reader = await opened(JSON.parse(facts));
try {
  await walks[walk](reader);
  reader.check();
} catch (error) {
  const seen = await reader.page.locator("body").innerText().catch(() => "");
  console.error(`${error.stack}\n\nat ${reader.page.url()}:\n${seen.slice(0, 2_000)}`);
  process.exitCode = 1;
} finally {
  await reader.close();
}
