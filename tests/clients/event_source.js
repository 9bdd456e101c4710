// Follows a gateway's events as a browser does, through restarts, and prints each as a line of JSON.
// event_source.js URL FOLDER_WITH_NODE_MODULES TOPIC…
'use strict';
const { createRequire } = require('node:module');
const [url, folder, ...topics] = process.argv.slice(2);
const { EventSource } = createRequire(folder + '/')('eventsource');

const source = new EventSource(url);
for (const topic of topics) {
  source.addEventListener(topic, (event) => process.stdout.write(event.data + '\n'));
}
source.onerror = (error) => {
  // It comes back by itself unless the answer was no stream.
  if (source.readyState === EventSource.CLOSED) {
    console.error(error.code, error.message);
    process.exit(1);
  }
};
