// A tile dragged onto another, or chosen by its menu, becomes one with it, once a human has said yes.
"use strict";
{
  const menu = document.getElementById("menu"), merge = document.getElementById("merge");
  const short = (name) => (name.length > 40 ? name.slice(0, 39) + "…" : name);
  const of = (tile) => (tile.dataset.person ? short(tile.dataset.person) : "the cluster without a name");
  const counted = (tile) => `${Number(tile.dataset.faces).toLocaleString("en")} ${tile.dataset.faces === "1" ? "face" : "faces"}`;
  let source = null;  // the tile that is being dragged, or that waits for another one to be chosen

  // The act that makes one of two tiles, and which of them is then gone.
  const plan = (one, other) => {
    if (one.dataset.person && !other.dataset.person) [one, other] = [other, one];  // the name stays
    if (one.dataset.person) return [one, other, "merge-people", { into: other.dataset.person, other: one.dataset.person }];
    return [one, other, "merge-clusters", { into: other.dataset.cluster, others: one.dataset.cluster }];
  };
  const leave = (tile, sentence) => {
    if (tile.contains(document.activeElement)) tile.querySelector("a").focus();
    tile.classList.add("gone");
    tile.draggable = false;
    tile.querySelector(".more").textContent = sentence;
  };
  const answered = (dialog) => new Promise((done) => {
    dialog.returnValue = "";
    dialog.addEventListener("close", () => done(dialog.returnValue), { once: true });
    dialog.showModal();
  });

  // Both faces and the question; into: a tile, or the name of somebody who has none here.
  function sure(from, into) {
    const sides = [from, into].map((side) => {
      const figure = document.createElement("figure"), caption = document.createElement("figcaption");
      if (side.dataset) figure.append(side.querySelector("img").cloneNode());
      caption.textContent = side.dataset ? `${of(side)}, ${counted(side)}` : short(side);
      caption.title = side.dataset ? side.dataset.person ?? "" : side;
      figure.append(caption);
      return figure;
    });
    const arrow = document.createElement("span");
    arrow.textContent = "→";
    document.getElementById("merge-both").replaceChildren(sides[0], arrow, sides[1]);
    document.getElementById("merge-asked").textContent = `Merge ${of(from)} into ${into.dataset ? of(into) : short(into)}?`;
    return answered(merge).then((answer) => answer === "yes");
  }
  const tileOf = (name) => [...document.querySelectorAll(".tile[data-person]:not(.gone)")]
    .find((tile) => tile.dataset.person.toLowerCase() === name.toLowerCase());

  async function ask(one, other) {
    const [from, into, name, fields] = plan(one, other);
    if (!await sure(from, into)) return;
    if (!await act(name, fields).catch(() => null)) return;  // told already
    leave(from, `now with ${of(into)}`);
    into.dataset.faces = Number(into.dataset.faces) + Number(from.dataset.faces);
  }

  async function open(tile) {
    const person = tile.dataset.person, input = menu.querySelector("input");
    document.getElementById("menu-of").textContent = `${person ? of(tile) : "Who is this?"} (${counted(tile)})`;
    menu.querySelector("label").textContent = person ? "The same person as" : "Name";
    menu.querySelector("[value=name]").textContent = person ? "Merge" : "Name";
    input.value = "";
    const answer = await answered(menu), name = input.value.trim();
    if (answer === "pick") return begin(tile);
    if (answer !== "name" || !name) return;
    const into = person && tileOf(name);
    if (into && into !== tile) return ask(tile, into);
    if (person && !await sure(tile, name)) return;
    const done = person ? act("merge-people", { into: name, other: person }) : act("label-cluster", { cluster: tile.dataset.cluster, name });
    if (await done.catch(() => null)) leave(tile, person ? `now with ${short(name)}` : `named ${short(name)}`);
  }

  function begin(tile) {
    source = tile;
    tile.classList.add("source");
    document.body.classList.add("picking");
    tell({ told: `Choose the tile with which ${of(tile)} is to be one; Escape leaves it as it is` });
    tile.querySelector("a").focus();
  }
  function end() {
    source?.classList.remove("source");
    document.body.classList.remove("picking");
    document.querySelector(".over")?.classList.remove("over");
    source = null;
  }

  document.addEventListener("click", (event) => {
    const tile = event.target.closest("main .tile[data-cluster]");
    if (!tile) return;
    if (document.body.classList.contains("picking")) {
      event.preventDefault();
      const from = source;
      end();
      told.replaceChildren();
      if (tile !== from && !tile.matches(".gone")) ask(from, tile);
    } else if (event.target.closest(".menu") && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      if (!tile.matches(".gone")) open(tile);
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && source) { end(); told.replaceChildren(); }
  });

  if (menu) {
    document.addEventListener("dragstart", (event) => {
      source = event.target.closest?.(".tile[data-cluster]:not(.gone)") ?? null;
      if (!source) return;
      event.dataTransfer.setData("text/plain", of(source));
      event.dataTransfer.effectAllowed = "link";
    });
    const target = (event) => {
      const tile = source && event.target.closest?.(".tile[data-cluster]:not(.gone)");
      return tile && tile !== source ? tile : null;
    };
    document.addEventListener("dragover", (event) => {
      const tile = target(event);
      document.querySelector(".over")?.classList.toggle("over", false);
      if (!tile) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = "link";
      tile.classList.add("over");
    });
    document.addEventListener("drop", (event) => {
      const tile = target(event), from = source;
      if (!tile) return;
      event.preventDefault();
      end();
      ask(from, tile);
    });
    document.addEventListener("dragend", end);
  }
}
