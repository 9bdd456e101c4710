// Elements of plain values. Text stays text: nothing here, and nothing that uses it, makes markup of it.

const handlersOf = Symbol("handlers");

/** h("a", {href, class, onclick}, "text", element, null, [more]) */
export function h(name, given, ...children) {
  const node = document.createElement(name);
  node[handlersOf] = {};
  for (const [key, value] of Object.entries(given ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) listen(node, key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter(shown).map(asNode));
  return node;
}

const shown = (child) => child !== null && child !== undefined && child !== false;
const asNode = (child) => (child instanceof Node ? child : String(child));

// One listener for good, so that `become` can give a node that stays what the fresh one would do.
function listen(node, type, handler) {
  node[handlersOf][type] = handler;
  node.addEventListener(type, (event) => node[handlersOf][type]?.(event));
}

/**
 * Makes `old` what `fresh` is and leaves in place what is the same, so that focus, selection and scroll
 * position stay. Nodes with a `data-key` are found again by it; one with `take` sees to itself. Of a list
 * of keyed nodes those that are new are marked as arrived.
 */
export function become(old, fresh) {
  if (!isLike(old, fresh)) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  copyAttributes(old, fresh);
  for (const [type, handler] of Object.entries(fresh[handlersOf] ?? {})) {
    if (type in old[handlersOf]) old[handlersOf][type] = handler;
    else listen(old, type, handler);
  }
  if (old.take) old.take(fresh);
  else becomeChildren(old, fresh);
}

const keyOf = (node) => node.dataset?.key;

function isLike(old, fresh) {
  return old.nodeName === fresh.nodeName && keyOf(old) === keyOf(fresh);
}

function copyAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

function becomeChildren(old, fresh) {
  const keyed = new Map();
  for (const child of old.childNodes) if (keyOf(child)) keyed.set(keyOf(child), child);
  const wasList = keyed.size > 0;
  let at = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    const key = keyOf(child);
    const known = key ? keyed.get(key) : at && !keyOf(at) && at;
    if (known && isLike(known, child)) {
      if (known === at) at = at.nextSibling;
      else old.insertBefore(known, at);
      become(known, child);
    } else {
      if (key && wasList) child.classList.add("arrived");
      old.insertBefore(child, at);
    }
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}
