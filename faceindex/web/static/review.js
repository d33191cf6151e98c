// The review at the speed of a key: the next question is here before this one is answered, the answer goes on its way
// while the human looks at the next faces, and the server says what really is to be asked.
"use strict";
const area = document.getElementById("asked");
let shown = area.dataset.number;  // of the question on screen; empty: none
let then = null;  // the question after it: its number and its nodes
let busy = false, waiting = null;  // an answer on its way; one given meanwhile, to the question on screen
let names = null;  // everybody's
let pause = 50;  // milliseconds before it is asked again whether questions were found

// --- questions --------------------------------------------------------------------------------------------------

function nodes(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  for (const picture of page.images) new Image().src = picture.getAttribute("src");  // is in the cache when it is shown
  return [...page.body.childNodes];
}

function put(number, some) {
  const inside = area.contains(document.activeElement) || document.activeElement === document.body;
  shown = number;
  area.replaceChildren(...some);
  if (inside) area.querySelector("h1")?.focus({ preventScroll: true });
}

function take(answer) {
  for (const name of ["told", "sum", "left"]) document.querySelector("#sitting ." + name).textContent = answer[name];
  document.getElementById("wrong").textContent = answer.wrong;
  if (answer.html !== null) put(String(answer.number ?? ""), nodes(answer.html));
  then = answer.then && { number: String(answer.then.number), nodes: nodes(answer.then.html) };
  stamp = null;  // what this page did itself is no news
  if (answer.looking) setTimeout(refresh, Math.min(pause *= 2, 2000)); else pause = 50;
}

async function ask(where, fields) {
  const options = fields && { method: "POST", body: new URLSearchParams({ ...fields, shown }) };
  const response = await fetch(where, { ...options, headers: { Accept: "application/json", "X-Word": word } });
  const answer = await response.json();
  if (answer.error) throw new Error(answer.error);
  take(answer);
}

async function refresh() {
  if (busy) return;
  try { await ask("/review/next?shown=" + shown); } catch { setTimeout(refresh, 5000); }
}

// --- answers ----------------------------------------------------------------------------------------------------

async function send(where, fields) {
  if (busy) { waiting ??= { where, fields, shown }; return; }
  busy = true;
  const before = { number: shown, nodes: [...area.childNodes] };
  if (where.endsWith("/answer") && then) put(then.number, then.nodes);
  area.setAttribute("aria-busy", "true");
  then = null;
  try {
    await ask(where, fields);
  } catch (error) {
    put(before.number, before.nodes);
    document.getElementById("wrong").textContent = error instanceof TypeError || error instanceof SyntaxError
      ? "the server does not answer, so nothing is known of this answer; is faceindex serve still running?" : error.message;
    waiting = null;
  }
  busy = false;
  area.removeAttribute("aria-busy");
  const late = waiting;
  waiting = null;
  if (late && late.shown === shown) send(late.where, late.fields);
}

area.addEventListener("submit", (event) => {
  event.preventDefault();
  const fields = Object.fromEntries(new FormData(event.target, event.submitter));
  if (fields.name && names && !names.includes(fields.name)) names = null;  // somebody new
  send(event.target.getAttribute("action"), fields);
});

for (const key of "ynisu123456789o") {
  keys[key] = (event) => {
    const wanted = event.repeat ? null : area.querySelector(`[data-key="${key}"]`);
    if (key === "o") wanted?.focus(); else wanted?.click();
  };
}

// --- whom a name may be completed to --------------------------------------------------------------------------------

area.addEventListener("focusin", async (event) => {
  if (event.target.id !== "name") return;
  const field = event.target;
  field.removeAttribute("list");
  for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-controls", "whom"], ["aria-expanded", "false"]]) field.setAttribute(name, value);
  try { names ??= await (await fetch("/review/names")).json(); } catch { names = null; }
  if (document.activeElement === field) offer(field);
});

area.addEventListener("focusout", (event) => { if (event.target.id === "name") offer(null); });
area.addEventListener("input", (event) => { if (event.target.id === "name") offer(event.target); });

function alike(typed) {
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLocaleLowerCase();
  const wanted = plain(typed), found = [[], [], []];
  for (const name of names ?? []) {
    const at = plain(name).indexOf(wanted);
    if (at >= 0) found[at === 0 ? 0 : plain(name).includes(" " + wanted) ? 1 : 2].push(name);
  }
  return found.flat().slice(0, 8);
}

function offer(field) {
  document.getElementById("whom")?.remove();
  document.getElementById("name")?.setAttribute("aria-expanded", "false");
  document.getElementById("name")?.removeAttribute("aria-activedescendant");
  const typed = field?.value.trim();
  if (!typed) return;
  const list = document.createElement("ul");
  list.id = "whom";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Names");
  const found = alike(typed);
  const isNew = !found.some((name) => name.toLocaleLowerCase() === typed.toLocaleLowerCase());
  for (const [place, name] of [...found, ...(isNew ? [typed] : [])].entries()) {
    const line = document.createElement("li");
    line.id = "whom-" + place;
    line.setAttribute("role", "option");
    line.dataset.name = name;
    line.textContent = place === found.length ? `Somebody new: ${name}` : name;
    if (place === found.length) line.className = "new";
    line.onpointerdown = (event) => { event.preventDefault(); choose(field, line); };
    list.append(line);
  }
  field.after(list);
  field.setAttribute("aria-expanded", "true");
  mark(field, list.firstElementChild);
}

function mark(field, line) {
  for (const each of line.parentElement.children) each.setAttribute("aria-selected", String(each === line));
  field.setAttribute("aria-activedescendant", line.id);
  line.scrollIntoView({ block: "nearest" });
}

function choose(field, line) {
  field.value = line.dataset.name;
  offer(null);
  field.form.requestSubmit();
}

area.addEventListener("keydown", (event) => {
  if (event.target.id !== "name" || event.isComposing) return;
  const field = event.target, line = document.querySelector("#whom [aria-selected=true]");
  if (event.key === "Escape") {
    if (line) offer(null); else area.querySelector("h1").focus({ preventScroll: true });
  } else if (line && event.key === "Enter") choose(field, line);
  else if (line && event.key === "ArrowDown") mark(field, line.nextElementSibling ?? line.parentElement.firstElementChild);
  else if (line && event.key === "ArrowUp") mark(field, line.previousElementSibling ?? line.parentElement.lastElementChild);
  else return;
  event.preventDefault();
});

refresh();
