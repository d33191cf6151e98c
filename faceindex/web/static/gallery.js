// Faces are chosen by click, shift-click and keys, and then named, moved, rejected, ignored. What was moved away fades
// in its place.
"use strict";

if (location.hash === "#manage") document.getElementById("manage")?.setAttribute("open", "");

// --- choosing ---------------------------------------------------------------------------------------------------------

for (const form of document.querySelectorAll("form.choosing:has(.bar)")) {
  const grid = form.querySelector(".faces"), bar = form.querySelector(".bar"), none = bar.querySelector(".none");
  const faces = () => [...grid.querySelectorAll(".face:not(.gone)")];
  const pick = (tile) => tile.querySelector(".pick");
  const chosen = () => faces().filter((tile) => pick(tile).checked);
  let last = null;  // where a range begins
  none.parentElement.hidden = false;

  const count = () => {
    const number = chosen().length;
    bar.querySelector("output").textContent = number;
    bar.hidden = !number;
    if (number) told.replaceChildren();  // of what was done before; the Undo on top stays
  };
  const range = (to, on) => {
    const all = faces(), ends = [all.indexOf(last), all.indexOf(to)].sort((a, b) => a - b);
    if (ends[0] < 0) pick(to).checked = on;
    else for (const tile of all.slice(ends[0], ends[1] + 1)) pick(tile).checked = on;
  };
  const choose = (which) => { for (const tile of faces()) pick(tile).checked = which(tile); count(); };
  const focus = (tile) => { tile.querySelector("a").focus(); tile.scrollIntoView({ block: "nearest" }); };

  grid.addEventListener("click", (event) => {
    if (!event.target.matches(".pick")) return;
    const tile = event.target.closest(".face");
    if (event.shiftKey) range(tile, event.target.checked);
    last = tile;
    tile.querySelector("a").focus({ preventScroll: true });
    count();
  });
  none.addEventListener("click", () => choose(() => false));

  const step = (event, here) => {
    const all = faces(), columns = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    const to = here ? all[all.indexOf(here) + by] : all[0];
    if (!to) return;
    if (event.shiftKey && here) {
      if (!pick(here).checked) { last = here; pick(here).checked = true; }
      last ??= here;
      range(to, true);
      count();
    }
    focus(to);
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input:not(.pick), select, textarea, dialog[open]");
    if (typing && event.key === "Enter" && event.target.id === "where") {
      event.preventDefault();
      bar.querySelector("[formaction$=move-faces]").click();
    }
    if (event.key === "Escape" && (bar.contains(event.target) || !typing)) return choose(() => false);
    if (typing || event.altKey) return;
    const here = event.target.closest(".face:not(.gone)");
    if (event.key.startsWith("Arrow") && (here || event.target === document.body) && !event.ctrlKey) {
      if (!here && event.key !== "ArrowRight") return;  // the others scroll
      event.preventDefault();
      step(event, here);
    } else if (event.key === " " && here) {
      event.preventDefault();
      pick(here).checked = !pick(here).checked;
      last = here;
      count();
    } else if ((event.ctrlKey || event.metaKey) && event.key === "a") {
      event.preventDefault();
      choose(() => true);
    } else if (!event.ctrlKey && !event.metaKey) {
      const button = bar.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
      if (!button || bar.hidden) return;
      event.preventDefault();
      if (event.key === "m") bar.querySelector("[name=name]").focus(); else button.click();
    }
  });

  // --- acts: what stays here is marked, what is elsewhere now fades

  const stays = (name, fields, answer) =>
    name === "label-faces" ? fields.name === form.dataset.person
      : name === "move-faces" && form.dataset.clusters.split(",").includes(String(answer.cluster));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const tiles = chosen(), name = (event.submitter.getAttribute("formaction") ?? form.getAttribute("action")).split("/").pop();
    const fields = { ...Object.fromEntries(new FormData(form)), faces: tiles.map((tile) => tile.dataset.face).join() };
    const answer = await act(name, fields).catch(() => null);
    if (!answer) return;
    const there = stays(name, fields, answer), at = faces().indexOf(tiles[0]);
    for (const tile of tiles) {
      pick(tile).checked = false;
      if (there) continue;
      tile.classList.add("gone");
      pick(tile).disabled = true;
    }
    bar.querySelector("[name=name]")?.form && (bar.querySelector("[name=name]").value = "");
    const next = faces()[Math.min(at, faces().length - 1)];
    if (next) next.querySelector("a").focus({ preventScroll: true });
    count();
  });
  count();
}
