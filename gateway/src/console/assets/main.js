// The beginning: the way in with a key, then the frame, and in it the page that the address names.

import { get, line } from "./api.js";
import "./connection.js";
import { become, h } from "./dom.js";
import { canBeOne, forget, keep, key } from "./key.js";
import { zone } from "./format.js";
import { follow, live } from "./live.js";
import { mount } from "./parts/notice.js";
import { redrawPlots } from "./parts/plot.js";
import { trouble } from "./parts/words.js";
import { NAVIGATION, pageOf } from "./pages/all.js";
import { sample } from "./sampler.js";
import { Visit } from "./visit.js";

let session = null;

function start() {
  session = new AbortController();
  const { frame, main, links, pulse, banner } = drawFrame();
  document.body.replaceChildren(frame);
  mount();
  follow(session.signal);
  sample(session.signal);
  let visit = null;
  const go = () => {
    visit?.leave();
    const { page, parameters, section } = pageOf(location.hash);
    for (const link of links.values()) link.removeAttribute("aria-current");
    links.get(section).setAttribute("aria-current", "page");
    links.get(section).scrollIntoView({ block: "nearest", inline: "nearest" });
    visit = new Visit(page, parameters, main, visit !== null);
  };
  listen(window, "hashchange", go);
  listen(live, "state", () => showPulse(pulse));
  listen(line, "lost", () => banner.replaceChildren("The gateway does not answer. What you see is from before; this page goes on by itself."));
  listen(line, "back", () => banner.replaceChildren());
  listen(line, "locked", () => end(visit, "This key does not hold, or not any more."));
  frame.addEventListener("leave", () => end(visit));
  showPulse(pulse);
  go();
}

function listen(target, type, handler) {
  target.addEventListener(type, handler, { signal: session.signal });
}

/** Back to the door. */
function end(visit, why) {
  session.abort();
  visit?.leave();
  forget();
  door(why);
}

function drawFrame() {
  const links = new Map(NAVIGATION.map(([name, text]) => [name, h("a", { href: `#/${name}` }, text)]));
  const pulse = h("div", { class: "pulse", role: "status" });
  const banner = h("div", { class: "banner", role: "alert" });
  const main = h("main", { id: "page", tabindex: "-1" });
  const skip = (event) => {
    event.preventDefault();
    main.focus();
  };
  const frame = h("div", { class: "frame" },
    h("a", { class: "skip", href: "#page", onclick: skip }, "To the page"),
    h("header", { class: "side" },
      h("a", { class: "brand", href: "#/" }, h("img", { src: "icon.svg", alt: "" }), "pg_inventory"),
      h("nav", { "aria-label": "Pages" }, h("ul", {}, [...links.values()].map((link) => h("li", {}, link)))),
      h("div", { class: "foot" },
        pulse,
        h("div", { class: "zone" }, `Times in ${zone}`),
        h("div", { class: "controls" }, controls()))),
    h("div", { class: "content" }, banner, main, h("div", { class: "pocket" }, controls())));
  return { frame, main, links, pulse, banner };
}

const PULSES = { connecting: "Connecting", live: "Live", polling: "Read every few seconds", gone: "No connection" };

function showPulse(pulse) {
  pulse.className = `pulse ${live.state}`;
  pulse.replaceChildren(PULSES[live.state]);
}

function controls() {
  const leave = (event) => event.target.dispatchEvent(new Event("leave", { bubbles: true }));
  return [
    h("button", { type: "button", class: "small", onclick: changeTheme }, "Theme"),
    h("button", { type: "button", class: "small", onclick: leave }, "Forget the key"),
  ];
}

function changeTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
  redrawPlots();
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawPlots);

/** Asks for the key. */
function door(why) {
  document.title = "pg_inventory";
  const field = h("input", { id: "key", type: "password", autocomplete: "off", spellcheck: "false", required: true, placeholder: "inv_…" });
  const wrong = h("div", {}, why && h("div", { class: "trouble", role: "alert" }, why));
  const enter = h("button", { class: "primary" }, "Open the console");
  const say = (what) => become(wrong, h("div", {}, what));
  const notThatKey = () => h("div", { class: "trouble", role: "alert" }, "This key does not hold.");
  async function onsubmit(event) {
    event.preventDefault();
    const text = field.value.trim();
    if (!canBeOne(text)) {
      say(notThatKey());
      return;
    }
    enter.disabled = true;
    keep(text);
    try {
      await get("v1/warehouses", { limit: 1 });
      start();
    } catch (error) {
      forget();
      say(error.isUnauthorized ? notThatKey() : trouble(error));
      enter.disabled = false;
      field.focus();
    }
  }
  document.body.replaceChildren(h("main", { class: "gate" },
    h("form", { onsubmit },
      h("h1", { class: "brand" }, h("img", { src: "icon.svg", alt: "" }), "pg_inventory"),
      h("label", {}, "API key", field,
        h("span", { class: "hint" }, "One of ", h("code", {}, "inventory key create"), "; make up and make demo write one to ", h("code", {}, ".local/env"), ".")),
      wrong, enter,
      h("p", {}, "It stays in this tab and is gone with it. A reader’s key shows everything; an operator’s changes stock."))));
  field.focus();
}

if (key()) start();
else door();
