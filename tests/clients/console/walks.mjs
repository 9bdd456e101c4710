// What readers do, and what they find. Each walk is a promise of tests/console.rs.
import assert from "node:assert/strict";

/** Each page with what it shows where there is something. */
export async function everything(reader) {
  const { page, facts } = reader;
  await page.goto(`${facts.url}/console/`);
  await page.getByLabel("API key").waitFor();
  await reader.isAccessible("the door");
  await page.getByLabel("API key").fill("inv_00000000_0");
  await page.keyboard.press("Enter");
  await page.getByText("This key does not hold.").waitFor();
  await reader.enter();
  const shown = [
    ["", "As it happens"],
    ["stock", facts.sku],
    [`stock/${facts.sku}`, "On hand over time"],
    ["stock/MILK", "Lots"],
    ["low", facts.sku],
    ["hot", facts.hot],
    ["orders", facts.order],
    [`orders/${facts.order}`, "Where it has been"],
    ["holds", "Holds"],
    [`holds/${facts.hold}`, "Held"],
    ["outbox", "answered 410 Gone"],
    ["sagas", "outbound_order"],
    [`sagas/${facts.sagas[0]}`, "<b>fragile</b>"],
    ["repairs", "lot L1"],
    ["service", "the database answers"],
  ];
  for (const [hash, text] of shown) {
    await reader.at(hash, text);
    await reader.isAccessible(`#/${hash}`);
  }
  assert.equal(await page.getByLabel("API key").count(), 0, "the key is asked for once");
  await theirDetails(reader);
}

async function theirDetails(reader) {
  const { page, facts } = reader;
  await reader.at("", "2 events are dead");
  await page.getByText("2 sagas need attention").waitFor();
  await page.getByText("3 repair tickets wait").waitFor();
  await page.locator("live-plot canvas").first().waitFor();

  // By name, by part of a SKU, and nothing.
  await reader.at("stock", facts.sku);
  const search = page.getByPlaceholder("SKU or name");
  await search.fill("desk</b>");
  await page.getByText("<b>Desk</b> lamp").waitFor();
  await page.getByRole("link", { name: "MILK" }).waitFor({ state: "detached" });
  await search.fill("nothing like it");
  await page.getByText("No SKU or name has these letters.").waitFor();
  await search.fill("");
  await page.getByRole("link", { name: "MILK" }).waitFor();

  await reader.at(`stock/${facts.sku}`, "On hand over time");
  await page.locator("live-plot canvas").waitFor();
  assert.equal(await page.locator("main b:has-text('Desk')").count(), 0, "what a name says is no markup");

  // In the reader's zone: nine hours before Greenwich, whatever the day.
  await reader.at(`orders/${facts.order}`, "Where it has been");
  const time = page.locator("main time").first();
  const at = new Date(await time.getAttribute("datetime"));
  const hours = (zone) => at.toLocaleTimeString("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" });
  assert.ok((await time.innerText()).includes(hours("Asia/Tokyo")), `${await time.innerText()} is not ${hours("Asia/Tokyo")}`);
  for (const state of ["Pending", "Processing"]) await page.locator(".trail").getByText(state).waitFor();

  // What a sink refused, once for each; what a saga waits for.
  await reader.at("outbox", "answered 410 Gone");
  for (const sink of ["books", "hook"]) await page.getByRole("button", { name: `Redrive event ${facts.dead} to ${sink}` }).waitFor();
  await page.getByRole("link", { name: "<i>TORN</i>" }).first().waitFor();
  await reader.at(`sagas/${facts.sagas[0]}`, "asked 2 times");
  await page.getByText("action of step charge: 500").waitFor();
}

/** A dead event is sent again to one sink; one saga is tried again, the other undone. */
export async function stuck(reader) {
  const { page, facts } = reader;
  await reader.enter("outbox");
  const redrive = (sink) => page.getByRole("button", { name: `Redrive event ${facts.dead} to ${sink}` });
  await redrive("books").waitFor();
  await reader.askFor("mend");
  await redrive("hook").click();
  await reader.isAccessible("a question about an event");
  await page.getByRole("dialog").getByRole("button", { name: "Redrive" }).click();
  await page.getByText(`Event ${facts.dead} is on its way again.`).waitFor();
  await redrive("hook").waitFor({ state: "detached" });
  await redrive("books").waitFor();
  await reader.at("", "1 event is dead");

  const [retried, undone] = facts.sagas;
  for (const [id, act, said, end] of [
    [retried, "Try again", "The saga is running.", "Completed"],
    [undone, "Undo everything", "The saga is reverting.", "Reverted"],
  ]) {
    await reader.at(`sagas/${id}`, "charge");
    await page.getByRole("button", { name: act }).click();
    await reader.isAccessible(`a question: ${act}`);
    await page.getByRole("dialog").getByRole("button", { name: act }).click();
    await page.getByText(said).waitFor();
    await page.getByRole("heading", { level: 1 }).getByText(end).waitFor();
    await button(page, act).waitFor({ state: "detached" });
  }
  await reader.at("sagas", "No saga needs attention.");
}

/** What a check found: looked through, and settled without a mouse on a phone. */
export async function repairs(reader) {
  const { page, facts } = reader;
  const { pending, lot, byhand, confirmed, done, rejected } = facts.tickets;
  const row = (id) => page.locator(`tr[data-key="${id}"]`);
  const may = (id) => row(id).getByRole("button").allInnerTexts();
  await reader.enter("repairs");
  await row(pending).waitFor();
  for (const [id, choices] of [[pending, ["Confirm", "Reject"]], [lot, ["Confirm", "Reject"]], [byhand, ["Reject"]]]) {
    assert.deepEqual(await may(id), choices, `ticket ${id}`);
  }
  for (const [state, id, text, choices] of [
    ["CONFIRMED", confirmed, "by ann", ["Run", "Reject"]],
    ["DONE", done, "by ann", []],
    ["REJECTED", rejected, "<b>auditors</b> look at it", []],
    ["PENDING", lot, "lot L1", ["Confirm", "Reject"]],
  ]) {
    await page.getByLabel("Status").selectOption(state);
    await row(id).getByText(text).waitFor();
    await row(state === "PENDING" ? confirmed : pending).waitFor({ state: "detached" });
    assert.deepEqual(await may(id), choices, state);
    await reader.isAccessible(`tickets that are ${state}`);
  }
  await page.setViewportSize({ width: 390, height: 844 });
  await settled(reader, `Confirm ticket ${pending}`, "-5");
  assert.equal(await page.getByLabel("Counted").evaluate((field) => field.validity.valid), false);
  await reader.isAccessible("a ticket to confirm");
  await page.setViewportSize({ width: 390, height: 844 });
  await page.getByLabel("Counted").fill("12");
  await page.keyboard.press("Enter");
  await page.getByText(`Ticket ${pending} is confirmed.`).waitFor();
  await row(pending).waitFor({ state: "detached" });
  await settled(reader, `Reject ticket ${lot}`, "sealed");
  await page.getByText(`Ticket ${lot} is rejected.`).waitFor();
  await page.getByLabel("Status").selectOption("CONFIRMED");
  await row(pending).getByText("by admin, counted 12").waitFor();
  await settled(reader, `Run ticket ${pending}`, null);
  await reader.isAccessible("a ticket to run");
  await until(reader, "Run");
  await page.keyboard.press("Enter");
  await page.getByText(`Ticket ${pending} is done.`).waitFor();
  await row(pending).waitFor({ state: "detached" });
  await reader.at(`stock/${facts.sku}`, `repair ${pending}`);
  await reader.at("", "1 repair ticket waits");
}

/** Tabs to that button and, where something is to be typed, answers its question. */
async function settled(reader, opens, typed) {
  const { page } = reader;
  await until(reader, opens);
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  if (typed === null) return;
  await page.keyboard.type(typed);
  await page.keyboard.press("Enter");
}

/** Each page says what to do where there is nothing, and where the gateway has no such thing. */
export async function nothing(reader) {
  const { page } = reader;
  await reader.enter();
  const shown = [
    ["", "Nothing has moved yet."],
    ["stock", "There are no products yet."],
    ["stock/NONE", "is not known"],
    ["low", "Nothing is low."],
    ["hot", "Nothing is hot."],
    ["orders", "There are no orders yet."],
    ["orders/20240520123001001000001", "is not known"],
    ["holds", "Look a hold up by its id."],
    ["holds/99999999-9999-4999-8999-999999999999", "is not known"],
    ["outbox", "No event is dead."],
    ["sagas", "No saga needs attention."],
    ["repairs", "No ticket waits."],
    ["service", "the database answers"],
  ];
  for (const [hash, text] of shown) {
    await reader.at(hash, text);
    await reader.isAccessible(`#/${hash}, empty`);
  }
  await withoutExtras(reader);
  await page.reload();
  await reader.at("outbox", "This gateway does not offer a list of the outbox.");
  await reader.isAccessible("an outbox that is not offered");
  await reader.at("sagas", "This gateway does not offer sagas.");
  await reader.at("repairs", "This gateway does not offer repair tickets.");
  await reader.at("", "Nothing has moved yet.");
  await page.getByText("Read every few seconds").waitFor();
}

/** As a gateway of an earlier version answers. */
async function withoutExtras({ context }) {
  const body = JSON.stringify({ type: "/errors/not-found", title: "there is nothing at this address", status: 404, code: "not_found" });
  for (const path of ["/v1/outbox", "/v1/sagas", "/v1/repairs", "/v1/events"]) {
    await context.route((url) => url.pathname === path, (route) => route.fulfill({ status: 404, contentType: "application/problem+json", body }));
  }
}

/** What others wrote stays text and in its place; a key that cannot be one and one that may not are told so. */
export async function strangers(reader) {
  const { page, facts } = reader;
  await page.goto(`${facts.url}/console/`);
  // As it comes along with what is copied: nothing that a header could carry.
  for (const odd of [`${facts.key}\u200b`, "schlüssel–zum “lager”", "two keys", `${facts.key} ${facts.key}`]) {
    await page.getByLabel("API key").fill(odd);
    await page.keyboard.press("Enter");
    await page.getByText("This key does not hold.").waitFor();
    await page.getByLabel("API key").fill("");
    await page.reload();
  }
  await reader.enter();
  const goods = encodeURIComponent(facts.sku);
  const shown = [
    ["", "As it happens"], ["stock", facts.sku], [`stock/${goods}`, "Lots"], ["low", facts.sku], ["hot", facts.sku],
    ["orders", facts.order], [`orders/${facts.order}`, "Where it has been"], [`holds/${facts.hold}`, "Held"], ["outbox", "No event is dead."],
  ];
  for (const [hash, text] of shown) {
    await reader.at(hash, text);
    await reader.keepsItsPlace(`#/${hash}`);
  }
  for (const [hash, opens] of [[`stock/${goods}`, ["Receive", "Adjust", "Recount"]], [`orders/${facts.order}`, ["Revert"]], [`holds/${facts.hold}`, ["Confirm"]]]) {
    await page.goto(`${facts.url}/console/#/${hash}`);
    for (const name of opens) {
      await button(page, name).click();
      await page.getByRole("dialog").waitFor();
      await reader.keepsItsPlace(`the question ${name}`);
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
    }
  }
  assert.equal(await page.locator("main svg").count(), 0, "what others write is no markup");

  // What waits is what the slowest sink has to hear, not the sum over all that hear of it.
  await reader.at("outbox", "No event is dead.");
  const waiting = page.locator("dl.tiles > div", { hasText: "Waiting" }).locator("dd");
  await waiting.filter({ hasText: new RegExp(`^${facts.waiting}events$`) }).waitFor();

  // Somebody who may only read is told what it takes, and nothing happens.
  await page.getByRole("button", { name: "Forget the key" }).first().click();
  facts.key = facts.reader;
  await reader.enter(`stock/${goods}`);
  await answered(reader, "Receive", { Quantity: "1", Lot: "L" }, "Receive", "this needs the role operator, yours is reader");
  await page.keyboard.press("Escape");
}

/** Everything that a person may change, each after a question. */
export async function changes(reader) {
  const { page, facts } = reader;
  await reader.enter(`stock/${facts.sku}`);
  await correct(reader);
  await correctLots(reader);
  await settle(reader);
  await reader.at(`stock/${facts.sku}`, "On hand over time");
  await conflict(reader);
  // What others do arrives by itself.
  await reader.at("", "As it happens");
  await reader.askFor("sell");
  await page.getByRole("cell", { name: "-7", exact: true }).waitFor();
}

const button = (page, name) => page.getByRole("main").getByRole("button", { name, exact: true });

/** Opens a question, answers it, and waits for what is said then. */
async function answered(reader, opens, fields, act, said) {
  const { page } = reader;
  await button(page, opens).click();
  const dialog = page.getByRole("dialog");
  for (const [label, value] of Object.entries(fields)) {
    const field = dialog.getByLabel(label);
    const choice = await field.evaluate(({ tagName }) => tagName === "SELECT");
    await (choice ? field.selectOption({ label: value }) : field.fill(value));
  }
  await dialog.getByRole("button", { name: act, exact: true }).click();
  await page.getByText(said).first().waitFor();
}

async function correct(reader) {
  const { page, facts } = reader;
  await answered(reader, "Receive", { Quantity: "20" }, "Receive", "Received. 30 of");
  await answered(reader, "Adjust", { Difference: "-3", Reason: "<u>broken</u>" }, "Adjust", "Adjusted by -3. 27 of");
  // A count is of what the page shows.
  await page.locator("dl.tiles > div", { hasText: "On hand" }).locator("dd").filter({ hasText: /^27/ }).waitFor();
  await answered(reader, "Recount", { Counted: "25", Reason: "counted" }, "Set on hand", "Recounted. 25 of");
  await page.getByText("<u>broken</u>").waitFor();
  // A refusal, as people read it; the question stays open.
  await answered(reader, "Adjust", { Difference: "-1000", Reason: "too much" }, "Adjust", "requested 1000 units, available: 25");
  await page.getByText("Not enough stock is available.").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await page.getByText(facts.sku).count() > 0, true);
}

/** Of goods with lots each lot by itself. */
async function correctLots(reader) {
  await reader.at("stock/MILK", "Lots");
  await answered(reader, "Receive", { Quantity: "4", Lot: "L2", "Expires on": "2099-02-01" }, "Receive", "Received. 13 of");
  await reader.page.getByRole("cell", { name: "2099-02-01" }).waitFor();
  // The plot is of the place, though each movement tells of its lot.
  await reader.page.locator("live-plot .key b").getByText("13").waitFor();
  await answered(reader, "Adjust", { Where: "Warehouse 1, lot L1 · 9 on hand", Difference: "-2", Reason: "spilt" }, "Adjust", "Adjusted by -2. 11 of");
  await answered(reader, "Recount", { Where: "Warehouse 1, lot L2 · 4 on hand", Counted: "3", Reason: "counted" }, "Set on hand", "Recounted. 10 of");
}

async function settle(reader) {
  const { page, facts } = reader;
  await reader.at(`holds/${facts.hold}`, "What it is");
  await answered(reader, "Confirm", {}, "Confirm", "Confirmed, with the order number");
  await reader.at(`holds/${facts.spare}`, "What it is");
  await answered(reader, "Release", {}, "Release", "Released.");
  await reader.at(`orders/${facts.order}`, "Where it has been");
  await answered(reader, "Complete", {}, "Complete", "is completed.");
  await button(page, "Revert").waitFor();
  await answered(reader, "Revert", { Reason: "came back" }, "Revert", "is reverted.");
  await page.locator(".trail").getByText("came back").waitFor();
}

/** Somebody else was there in between: a recount is refused, and nothing is lost. */
async function conflict(reader) {
  const { page } = reader;
  await button(page, "Recount").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Counted").fill("1");
  await dialog.getByLabel("Reason").fill("late");
  await reader.askFor("move");
  await dialog.getByRole("button", { name: "Set on hand" }).click();
  await dialog.getByRole("alert").waitFor();
  await page.keyboard.press("Escape");
}

/** A gateway that is gone and comes back: said, and then forgotten, on every page without a hand. */
export async function gone(reader) {
  const { page, facts } = reader;
  await reader.enter(`stock/${facts.sku}`);
  await page.getByText("On hand over time").waitFor();
  await reader.askFor("stop");
  await page.getByText("The gateway does not answer. What you see is from before").waitFor();
  // What was read stays; what was not says what is the matter.
  await page.getByText("On hand over time").waitFor();
  await reader.isAccessible("without a gateway");
  const away = "The gateway does not answer. The console goes on trying.";
  for (const hash of ["", "stock", "stock/MILK", "low", "hot", "orders", `orders/${facts.order}`, `holds/${facts.hold}`, "outbox", "sagas", `sagas/${facts.sagas[0]}`, "repairs", "service"]) {
    await reader.at(hash, away);
    await reader.isAccessible(`#/${hash}, without a gateway`);
  }
  await reader.at("orders", away);
  await reader.askFor("start");
  await page.getByRole("main").getByText(facts.order).waitFor();
  await page.getByText("The gateway does not answer").first().waitFor({ state: "detached" });
  await page.reload();
  await page.getByRole("main").getByText(facts.order).waitFor();
  // A key that does not hold any more leads back to the door.
  await reader.askFor("revoke");
  await page.getByText("This key does not hold, or not any more.").waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0, "the key is forgotten");
}

/** The database is away: what is set aside is sold, and told of when it is back. */
export async function away(reader) {
  const { page, facts } = reader;
  const tile = (name) => page.locator("dl.tiles > div", { hasText: name });
  const fact = (name) => page.locator("dl.facts dt", { hasText: name }).locator("xpath=following-sibling::dd[1]");
  const says = (place, text) => place.filter({ hasText: text }).first().waitFor();
  await reader.enter("service");
  await says(tile("Breaker"), "Closed");
  await says(fact("Of all gateways"), "1");
  await says(fact("Sales not told yet"), "0");
  await reader.isAccessible("leases");
  await reader.askFor("stop");
  await trade(/^Breaker\s*Open/);
  await says(tile("Ready"), "No");
  await says(fact("Sales not told yet"), /[1-9]/);
  await reader.isAccessible("a breaker that is open");
  await page.goto(`${facts.url}/console/#/`);
  await page.getByText("The database does not answer.").waitFor();
  await reader.at(`stock/${facts.sku}`, "As last known");
  await page.goto(`${facts.url}/console/#/service`);
  await reader.askFor("start");
  await trade(/^Breaker\s*Closed/);
  await says(tile("Ready"), "Yes");
  await says(fact("Sales not told yet"), "0");

  // A breaker judges by the calls that there are.
  async function trade(until) {
    for (let n = 0; n < 200 && !(await tile("Breaker").filter({ hasText: until }).count()); n += 1) {
      await reader.askFor("sell");
      await page.waitForTimeout(100);
    }
    await says(tile("Breaker"), until);
  }
}

/** A stranger opens the address that the demo prints, and orders arrive without a hand. */
export async function demo(reader) {
  const { page, facts } = reader;
  await reader.enter("orders");
  const first = page.locator("main tbody tr").first();
  // The demo replays and races first, which moves stock but takes down no order.
  await first.waitFor({ timeout: 180_000 });
  const seen = await first.locator("a").innerText();
  await first.locator("a").filter({ hasNotText: seen }).waitFor();
  for (const state of ["Processing", "Completed"]) await page.getByRole("cell", { name: state }).first().waitFor();
  await reader.isAccessible("the demo's orders");
  await first.locator("a").click();
  await page.getByText("Where it has been").waitFor();

  // What is sold over the counter shows too, and how fast.
  await reader.at("", "every gateway and client");
  await page.locator("dl.tiles > div", { hasText: "Accepted" }).filter({ hasNotText: /Accepted\s*(0|–)\s*a second/ }).waitFor();
  const goods = page.locator('main a[href^="#/stock/"]').first();
  const before = await goods.locator("xpath=ancestor::tr").innerText();
  await page.waitForFunction((was) => document.querySelector('main a[href^="#/stock/"]').closest("tr").innerText !== was, before);
  await reader.isAccessible("the demo at work");
  if (reader.takesPictures) await pictures(reader, await goods.getAttribute("href"));
}

/** For the README. */
async function pictures(reader, goods) {
  const { page } = reader;
  // Long enough for lines to be seen in the plots.
  await page.waitForTimeout(60_000);
  await reader.picture("overview");
  await reader.picture("overview-dark", { colorScheme: "dark" });
  await reader.picture("phone", { phone: true, colorScheme: "dark" });
  await reader.at("orders", "Completed");
  await reader.picture("orders");
  await reader.at(goods.slice(2), "On hand over time");
  await page.locator("live-plot canvas").waitFor();
  await reader.picture("sku", { colorScheme: "dark" });
}

/** Without a mouse: in, through the pages, through a question. */
export async function keyboard(reader) {
  const { page, facts } = reader;
  const { keyboard } = page;
  const focused = () => page.evaluate(() => document.activeElement.innerText ?? "");
  await reader.enter();
  await page.reload();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await keyboard.press("Tab");
  assert.equal(await focused(), "To the page");
  await keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "page");
  await until(reader, "Stock", "Shift+Tab");
  await keyboard.press("Enter");
  await page.getByRole("heading", { name: "Stock", exact: true }).waitFor();
  await page.waitForFunction(() => document.activeElement.tagName === "H1");
  await until(reader, facts.sku);
  await keyboard.press("Enter");
  await page.getByText("On hand over time").waitFor();
  await until(reader, "Adjust");
  await keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  // The first field has the focus; what is behind the question cannot be reached.
  await keyboard.type("-1");
  await keyboard.press("Tab");
  await keyboard.type("by keyboard");
  await keyboard.press("Enter");
  await page.getByText("Adjusted by -1. 9 of").waitFor();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await focused(), "Adjust", "focus is where it was");
}

/** Tabs on until something with that text has the focus. */
async function until({ page }, text, key = "Tab") {
  for (let n = 0; n < 60; n += 1) {
    await page.keyboard.press(key);
    const here = await page.evaluate(() => document.activeElement.ariaLabel ?? document.activeElement.innerText ?? "");
    if (here === text) return;
  }
  assert.fail(`${text} is not reached by ${key}`);
}
