// What every page can do with a script, and does without one in a slower way: acts without leaving the page, more
// tiles as one scrolls, keys, and a note when the index has changed. Nothing that is shown changes by itself.
"use strict";
const word = document.querySelector("meta[name=word]")?.content;
const told = document.getElementById("told");

// --- acts -------------------------------------------------------------------------------------------------------

async function act(name, fields) {
  const response = await fetch("/do/" + name, {
    method: "POST", body: new URLSearchParams(fields),
    headers: { Accept: "application/json", "X-Word": word },
  });
  const answer = await response.json().catch(() => ({ error: "the server does not answer as it should; reload the page" }));
  tell(answer);
  if (answer.error) throw new Error(answer.error);
  stamp = null;  // what this page did itself is no news
  return answer;
}

function tell(answer) {
  const line = document.createElement("div");
  line.textContent = answer.error || answer.told;
  line.className = answer.error ? "line wrong" : "line";
  if (answer.entry && !("readOnly" in document.body.dataset)) {
    const undo = document.createElement("button");
    undo.textContent = "Undo";
    undo.onclick = () => act("undo", { entry: answer.entry }).then(() => location.reload(), () => {});
    line.append(undo);
  }
  told.replaceChildren(line);
}

// --- more tiles, as one scrolls to the end of them ------------------------------------------------------------------

const tiles = document.querySelector("[data-more]");
let next = document.querySelector("a[rel=next]");
if (tiles && next) {
  const end = new IntersectionObserver(async (seen) => {
    if (!seen.some((each) => each.isIntersecting) || !next || end.busy) return;
    end.busy = true;
    try {
      const page = new DOMParser().parseFromString(await (await fetch(next.href)).text(), "text/html");
      tiles.append(...(page.querySelector("[data-more]")?.children ?? []));
      const after = page.querySelector("a[rel=next]");
      if (after) next.href = after.href; else { next.parentElement.remove(); next = null; end.disconnect(); }
    } finally { end.busy = false; }
  }, { rootMargin: "1200px" });
  end.observe(next);
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
