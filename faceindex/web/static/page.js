// What every page can do with a script, and does without one in a slower way: acts without leaving the page, more
// tiles as one scrolls, keys, and a note when the index has changed. Nothing that is shown changes by itself.
"use strict";
const word = document.querySelector("meta[name=word]")?.content;
const told = document.getElementById("told");

// --- acts -------------------------------------------------------------------------------------------------------

// What the server answers; where it does not, that is told, and thrown.
async function reach(address, options, sofar = "") {
  try {
    return await fetch(address, { ...options, signal: AbortSignal.timeout(60000) });
  } catch (error) {
    tell({ error: error.name === "TimeoutError" ? "the server has not answered for a minute; reload the page to see what was done"
      : "the server does not answer; is 'faceindex serve' still running?" + sofar });
    throw error;
  }
}

async function pageAt(address) {
  const response = await reach(address);
  if (!response.ok) { tell({ error: "the server does not answer as it should; reload the page" }); throw new Error(response.status); }
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

async function act(name, fields) {
  const response = await reach("/do/" + name, {
    method: "POST", body: new URLSearchParams(fields),
    headers: { Accept: "application/json", "X-Word": word },
  }, " nothing was changed");
  const answer = await response.json().catch(() => ({ error: "the server does not answer as it should; reload the page" }));
  tell(answer);
  if (answer.error) throw new Error(answer.error);
  stamp = null;  // what this page did itself is no news
  if (answer.entry) lastDone(answer);
  return answer;
}

function tell(answer) {
  const line = document.createElement("div");
  line.textContent = answer.error || answer.told;
  line.className = answer.error ? "line wrong" : "line";
  if (answer.entry && !("readOnly" in document.body.dataset)) {
    const undo = document.createElement("button");
    undo.textContent = "Undo";
    undo.onclick = () => { undo.disabled = true; act("undo", { entry: answer.entry }).then(() => location.reload(), () => {}); };
    line.append(undo);
  }
  told.replaceChildren(line);
}

// The Undo on top takes back one change, however quickly it is pressed again: the last that this page knows of.
const taking = document.querySelector("header .undo"), taker = taking?.querySelector("button");
let latest = null;  // the entry of what was done here since the page came
function lastDone(answer) {
  latest = answer.entry;
  if (!taking) return;
  taking.hidden = false;
  taker.title = `Take back: ${answer.told} (u)`;
}
taking?.addEventListener("formdata", (event) => { if (latest) event.formData.set("entry", latest); });
taking?.addEventListener("submit", () => { taker.disabled = true; });
if (taking) addEventListener("pageshow", () => { taker.disabled = false; });

// --- more tiles, as one scrolls to the end of them ------------------------------------------------------------------

const tiles = document.querySelector("[data-more]");
let next = document.querySelector("a[rel=next]");
async function more() {
  const page = await pageAt(next.href), after = page.querySelector("a[rel=next]");
  tiles.append(...(page.querySelector("[data-more]")?.children ?? []));
  if (after) next.href = after.href; else { next.parentElement.remove(); next = null; }
}
if (tiles) {
  const end = new IntersectionObserver(async (seen) => {
    if (!seen.some((each) => each.isIntersecting) || !next || end.busy) return;
    end.busy = true;
    try { await more(); } catch { /* told already */ } finally { end.busy = false; }
    if (!next) end.disconnect();
  }, { rootMargin: "1200px" });
  // Whoever comes back finds the tiles that were there, and the place.
  const place = "place " + location.pathname + location.search;
  const again = ["back_forward", "reload"].includes(performance.getEntriesByType("navigation")[0]?.type);
  const [many, down] = JSON.parse((again && sessionStorage.getItem(place)) || "[0, 0]");
  const keep = () => sessionStorage.setItem(place, JSON.stringify([tiles.children.length, Math.round(scrollY)]));
  (async () => {
    const first = tiles.children.length;
    try { while (next && tiles.children.length < many) await more(); } catch { /* told already */ }
    if (tiles.children.length > first) scrollTo(0, down);
    addEventListener("pagehide", keep);
    if (next) end.observe(next);
  })();
}

// --- keys that mean the same everywhere -------------------------------------------------------------------------------

const keys = { u: () => document.querySelector("header .undo button")?.click() };
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, select, textarea, dialog[open]")) return;
  const wanted = keys[event.key];
  if (wanted) { event.preventDefault(); wanted(event); }
});

// On a phone not all pages fit beside each other: the one that is shown is in sight.
const here = document.querySelector("nav [aria-current]");  // not by scrollIntoView, which moves where Tab begins
if (here) here.parentElement.scrollLeft = here.offsetLeft - here.parentElement.clientWidth / 2 + here.offsetWidth / 2;

// --- news ---------------------------------------------------------------------------------------------------------------

let stamp = null;
async function ask() {
  if (document.hidden) return;
  try {
    const now = await (await fetch("/news")).text();
    if (stamp !== null && now !== stamp) document.getElementById("news").hidden = false;
    stamp ??= now;
  } catch { /* the server is away; the next page will tell */ }
}
if (word) { ask(); setInterval(ask, 20000); }
