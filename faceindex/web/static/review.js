// The review at the speed of a key: the next question is here before this one is answered, the answer goes on its way
// while the human looks at the next faces, and the server says what really is to be asked.
"use strict";
const area = document.getElementById("asked");
let shown = area.dataset.number;  // of the question on screen; empty: none
let then = null;  // the question after it: its number and its nodes
let busy = false, waiting = [];  // an answer on its way; what was pressed meanwhile
let sent = 0, lost = 0;  // answers; keys that were pressed for a question that was not asked any more
const TYPING = 700;  // milliseconds between two keys of somebody who types
let quiet = 0, telling = null;  // until then keys are what is left of a name whose field went away while it was typed
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
  document.querySelector("#sitting .told").title = answer.told;
  document.getElementById("wrong").textContent = answer.wrong;
  if (answer.html !== null && document.activeElement.id === "name" && document.activeElement.value) quiet = performance.now() + TYPING;
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
  return answer;
}

async function refresh() {
  if (busy) return;
  const before = sent;
  try {
    const answer = await ask("/review/next?shown=" + shown);
    if (sent === before) take(answer);  // else an answer was given meanwhile, and what comes of that is newer
  } catch { setTimeout(refresh, 5000); }
}

// --- answers ----------------------------------------------------------------------------------------------------

function wait(where, fields) {
  const last = waiting.at(-1), undoes = where.endsWith("/undo");
  if (undoes && last && !last.undoes) waiting.pop();  // it was not even sent
  else if (!undoes && last && !last.undoes) lost++;  // the question on screen has its answer
  else waiting.push({ where, fields, shown, undoes });
}

function goOn(taken) {
  while (waiting.length) {
    const late = waiting.shift();
    if (late.undoes ? taken : late.shown === shown) { send(late.where, late.fields); return; }
    lost++;
  }
  tooQuick();
}

function swallow(event) {
  quiet = performance.now() + TYPING;
  if (event.repeat) return;
  lost++;
  clearTimeout(telling);
  telling = setTimeout(tooQuick, TYPING);
}

function tooQuick() {
  if (!lost) return;
  const wrong = document.getElementById("wrong");
  const line = lost === 1 ? "one key was too quick and was not taken" : `${lost} keys were too quick and were not taken`;
  wrong.textContent += (wrong.textContent && "; ") + line;
  lost = 0;
}

async function send(where, fields) {
  if (busy) { wait(where, fields); return; }
  busy = true;
  sent++;
  const before = { number: shown, nodes: [...area.childNodes] };
  if (where.endsWith("/answer") && then) put(then.number, then.nodes);
  area.setAttribute("aria-busy", "true");
  then = null;
  let taken = false;
  try {
    const answer = await ask(where, fields);
    take(answer);
    taken = !answer.wrong;
  } catch (error) {
    put(before.number, before.nodes);
    document.getElementById("wrong").textContent = error instanceof TypeError || error instanceof SyntaxError
      ? "the server does not answer, so nothing is known of this answer; is faceindex serve still running?" : error.message;
    lost += waiting.length;
    waiting = [];
  }
  busy = false;
  area.removeAttribute("aria-busy");
  goOn(taken);
}

area.addEventListener("submit", (event) => {
  event.preventDefault();
  const fields = Object.fromEntries(new FormData(event.target, event.submitter));
  const field = event.target.querySelector("#name");
  if (field) {
    if ("chosen" in field.dataset) fields.new = field.dataset.chosen; else fields.name = exact(field.value, names ?? []) ?? field.value;
    field.blur();  // the keys that follow are answers
  }
  if (fields.name && names && !names.includes(fields.name)) names = null;  // somebody new
  send(event.target.getAttribute("action"), fields);
});

for (const key of "ynisu123456789o") {
  keys[key] = (event) => {
    if (performance.now() < quiet) { swallow(event); return; }
    const wanted = event.repeat ? null : area.querySelector(`[data-key="${key}"]`);
    if (key === "u" && !event.repeat) send("/review/undo", {});  // whatever is on screen
    else if (key === "o") wanted?.focus(); else wanted?.click();
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
area.addEventListener("input", (event) => {
  if (event.target.id !== "name") return;
  unchoose(event.target);
  offer(event.target);
});

// The first line is what Enter and OK take: who is called exactly that, else somebody new. Whoever is chosen by an arrow
// key stands in the field, so that there is never anything else that OK could mean.
function lines(typed) {
  const found = alike(typed, names).slice(0, 8), first = exact(typed, names);
  const some = found.map((name) => ({ name, text: name, isNew: false }));
  const someone = { name: typed, text: `Somebody new: ${typed}`, isNew: true };
  if (first === null) return [someone, ...some];
  return folded(first) === folded(typed) ? some : [...some, someone];
}

function offer(field) {
  document.getElementById("whom")?.remove();
  document.getElementById("name")?.setAttribute("aria-expanded", "false");
  document.getElementById("name")?.removeAttribute("aria-activedescendant");
  const typed = tidy(field?.value ?? "");
  if (!typed || !names) return;
  const list = document.createElement("ul");
  list.id = "whom";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Names");
  for (const [place, { name, text, isNew }] of lines(typed).entries()) {
    const line = document.createElement("li");
    line.id = "whom-" + place;
    line.setAttribute("role", "option");
    line.dataset.name = name;
    line.textContent = line.title = text;
    if (isNew) line.className = "new";
    line.onpointerdown = (event) => event.preventDefault();  // the field keeps the focus, and a finger may scroll
    line.onclick = () => { choose(field, line); field.form.requestSubmit(); };
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
  field.dataset.typed ??= field.value;
  field.value = line.dataset.name;
  field.dataset.chosen = line.className;
  mark(field, line);
}

function unchoose(field) {
  delete field.dataset.chosen;
  delete field.dataset.typed;
}

area.addEventListener("keydown", (event) => {
  if (event.target.id !== "name" || event.isComposing) return;
  const field = event.target, line = document.querySelector("#whom [aria-selected=true]");
  if (event.key === "Escape") {
    if ("typed" in field.dataset) field.value = field.dataset.typed;
    unchoose(field);
    if (line) offer(null); else area.querySelector("h1").focus({ preventScroll: true });
  } else if (line && event.key === "ArrowDown") choose(field, line.nextElementSibling ?? line.parentElement.firstElementChild);
  else if (line && event.key === "ArrowUp") choose(field, line.previousElementSibling ?? line.parentElement.lastElementChild);
  else return;
  event.preventDefault();
});

refresh();
