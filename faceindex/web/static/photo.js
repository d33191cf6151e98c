// The photo page: acts in place, boxes on and off (f), the photo before and the next (← →), and drawing a face that was
// missed (d): with the mouse, a finger, or the arrow keys.
"use strict";
{
const svg = document.querySelector(".picture"), toggle = document.getElementById("switch");
const drawButton = document.getElementById("draw"), box = document.getElementById("drawn");
const missed = document.getElementById("missed");
const tall = svg.viewBox.baseVal.height, SMALLEST = 2;
let drawing = false, from = null, side = null, before = null;  // side: left, top, right, bottom in hundredths

toggle.hidden = false;
toggle.onclick = keys.f = () => toggle.setAttribute("aria-pressed", !svg.classList.toggle("off"));
const go = (rel) => { if (!drawing) document.querySelector(`a[rel=${rel}]`)?.click(); };
keys.ArrowLeft = () => go("prev");
keys.ArrowRight = () => go("next");

svg.addEventListener("click", (event) => {  // a box leads to its face in the list
  const face = !drawing && event.target.closest("a[data-face]");
  if (!face) return;
  event.preventDefault();
  choose(face.dataset.face);
  const line = document.getElementById("face-" + face.dataset.face);
  line.scrollIntoView({ block: "nearest" });
  (line.querySelector("input[type=text]") ?? line).focus({ preventScroll: matchMedia("(min-width: 56rem)").matches });
});

function choose(number) {
  for (const each of document.querySelectorAll("[data-face]")) each.classList.toggle("chosen", each.dataset.face === number);
}

// --- acts: what was done is shown where it was done -------------------------------------------------------------------

document.addEventListener("submit", async (event) => {
  const form = event.target, by = event.submitter, acted = new URL(by?.hasAttribute("formaction") ? by.formAction : form.action);
  if (!form.closest("#faces, #missed") || !acted.pathname.startsWith("/do/")) return;
  event.preventDefault();
  const face = form.closest("li")?.dataset.face;
  by.disabled = true;
  try {
    await act(acted.pathname.slice(4), new FormData(form));
    if (form.closest("#missed")) { form.reset(); stop(); missed.open = false; }
    await refresh();
    if (face) { choose(face); document.getElementById("face-" + face)?.focus({ preventScroll: true }); }
  } catch { /* told already */ } finally { by.disabled = false; }
});

async function refresh() {
  const page = await pageAt(location.pathname + location.search);
  for (const id of ["boxes", "faces"]) document.getElementById(id).replaceWith(document.adoptNode(page.getElementById(id)));
}

// --- a photo that cannot be read now: its small picture, and nothing is drawn on it --------------------------------------

{
  const image = svg.querySelector("image"), unread = document.getElementById("unread");
  const whole = image.getAttribute("href"), little = whole.replace("/picture/", "/thumb/");
  // Asked for once more, from the cache: the picture itself may have failed before this script was there.
  const tried = (address, failed) => { const copy = new Image(); copy.onerror = failed; copy.src = address; };
  tried(whole, () => {
    if (little === whole) return image.remove();  // the page says already that no copy is there
    keys.d = null;
    if (drawing) stop();
    drawButton?.remove();
    missed?.remove();
    image.setAttribute("href", little);
    unread.hidden = false;
    unread.textContent = "the photo cannot be read now; this is the small picture of it";
    tried(little, () => { image.remove(); unread.textContent = "the photo cannot be read now, and there is no small picture of it"; });
  });
}

// --- drawing ----------------------------------------------------------------------------------------------------------

if (drawButton) {
  drawButton.hidden = false;
  drawButton.onclick = keys.d = () => (drawing ? stop() : start());
  keys.Escape = () => drawing && stop();
}

function start() {
  drawing = true;
  svg.classList.remove("off");
  svg.classList.add("drawing");
  drawButton.setAttribute("aria-pressed", true);
  missed.open = true;
  put([40, 35, 60, 65]);
  box.removeAttribute("hidden");
  box.focus({ preventScroll: true });
  svg.scrollIntoView({ block: "nearest" });
}

function stop() {
  drawing = false;
  box.setAttribute("hidden", "");
  svg.classList.remove("drawing");
  drawButton.setAttribute("aria-pressed", false);
}

function put(sides) {
  side = sides.map((each) => Math.round(100 * Math.min(100, Math.max(0, each))) / 100);
  const [left, top, right, bottom] = side;
  for (const rect of box.children) {
    const where = { x: left * 10, y: (top * tall) / 100, width: (right - left) * 10, height: ((bottom - top) * tall) / 100 };
    for (const name in where) rect.setAttribute(name, where[name]);
  }
  missed.querySelector("[name=box]").value = side.join(",");
}

function at(event) {  // where the pointer is, in hundredths of the picture
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  return [Math.min(100, Math.max(0, point.x / 10)), Math.min(100, Math.max(0, (100 * point.y) / tall))];
}

svg.addEventListener("pointerdown", (event) => {
  if (!drawing || event.button) return;
  event.preventDefault();
  svg.setPointerCapture(event.pointerId);
  from = at(event);
  before = side;
});
svg.addEventListener("pointermove", (event) => {
  if (!from) return;
  const [x, y] = at(event);
  put([Math.min(x, from[0]), Math.min(y, from[1]), Math.max(x, from[0]), Math.max(y, from[1])]);
});
svg.addEventListener("pointerup", () => {
  if (!from) return;
  from = null;
  if (side !== before && side[2] - side[0] > SMALLEST / 2 && side[3] - side[1] > SMALLEST / 2) missed.querySelector("[name=name]").focus();
  else put(before);  // a click: it waits for a box
});
svg.addEventListener("pointercancel", () => { if (from) put(before); from = null; });
svg.addEventListener("dragstart", (event) => event.preventDefault());

box.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (event.key === "Enter") missed.querySelector("[name=name]").focus();
  else if (!step || event.ctrlKey || event.altKey || event.metaKey) return;
  else {
    const [left, top, right, bottom] = side;
    if (event.shiftKey) put([left, top, Math.max(left + SMALLEST, right + step[0]), Math.max(top + SMALLEST, bottom + step[1])]);
    else {
      const x = Math.min(100 - right, Math.max(-left, step[0])), y = Math.min(100 - bottom, Math.max(-top, step[1]));
      put([left + x, top + y, right + x, bottom + y]);
    }
  }
  event.preventDefault();
  event.stopPropagation();
});
missed?.addEventListener("keydown", (event) => { if (event.key === "Escape" && drawing) { stop(); drawButton.focus(); } });
const meant = document.querySelector("ol.faces .chosen");
if (meant) meant.scrollIntoView({ block: "nearest" });
}
