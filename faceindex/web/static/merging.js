// A tile dragged onto another, or chosen by its menu, becomes one with it, once a human has said yes.
"use strict";
{
  const menu = document.getElementById("menu"), merge = document.getElementById("merge");
  const of = (tile) => tile.dataset.person || "cluster " + tile.dataset.cluster;
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

  async function ask(one, other) {
    const [from, into, name, fields] = plan(one, other);
    document.getElementById("merge-asked").textContent = `Merge ${from.dataset.person ? of(from) + ", " : ""}${counted(from)} into ${of(into)}?`;
    if (await answered(merge) !== "yes") return;
    if (!await act(name, fields).catch(() => null)) return;
    leave(from, `now with ${of(into)}`);
    into.dataset.faces = Number(into.dataset.faces) + Number(from.dataset.faces);
  }

  async function open(tile) {
    const person = tile.dataset.person, input = menu.querySelector("input");
    document.getElementById("menu-of").textContent = `${person || "Who is this?"} (${counted(tile)})`;
    menu.querySelector("label").textContent = person ? "The same person as" : "Name";
    menu.querySelector("[value=name]").textContent = person ? "Merge" : "Name";
    input.value = "";
    const answer = await answered(menu), name = input.value.trim();
    if (answer === "pick") return begin(tile);
    if (answer !== "name" || !name) return;
    const done = person ? act("merge-people", { into: name, other: person }) : act("label-cluster", { cluster: tile.dataset.cluster, name });
    if (await done.catch(() => null)) leave(tile, person ? `now with ${name}` : `named ${name}`);
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
