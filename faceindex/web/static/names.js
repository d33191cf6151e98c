// What is typed, and the names that are known. Whoever is called exactly that, capitals and accents aside, comes first
// and is who is meant; whoever is merely called something like it is offered, and taken only if chosen.
"use strict";

const tidy = (text) => text.normalize("NFC").trim().replace(/\s+/g, " ");
const folded = (text) => tidy(text).toUpperCase().toLowerCase();
const plain = (text) => folded(text).normalize("NFD").replace(/[\u0300-\u036f]/g, "");

function exact(typed, names) {
  for (const same of [tidy, folded, plain]) {
    const wanted = same(typed), found = names.find((name) => same(name) === wanted);
    if (found !== undefined && wanted) return found;
  }
  return null;
}

function alike(typed, names) {
  const wanted = plain(typed), first = exact(typed, names), found = [first === null ? [] : [first], [], [], []];
  if (!wanted) return [];
  for (const name of names) {
    const known = plain(name), at = name === first ? -1 : known.indexOf(wanted);
    if (at >= 0) found[at === 0 ? 1 : known.includes(" " + wanted) ? 2 : 3].push(name);
  }
  return found.flat();
}

// Every <datalist data-names> is filled for the field that has the focus; a form says who is meant.
{
  let known = null, coming = null;
  const completed = (field) => field.list && "names" in field.list.dataset;
  document.addEventListener("focusin", (event) => {
    if (!completed(event.target)) return;
    known = null;  // somebody may have been named since
    const asked = coming = fetch("/review/names").then((answer) => answer.json()).catch(() => []).then((names) => {
      if (coming === asked) { known = names; fill(event.target); }
    });
  });
  function fill(field) {
    if (!known || !field.list || document.activeElement !== field) return;
    const found = field.value.trim() ? alike(field.value, known).slice(0, 20) : [];
    field.list.replaceChildren(...found.map((name) => new Option(name, name)));
  }
  document.addEventListener("input", (event) => {
    if (completed(event.target) && event.inputType && event.inputType !== "insertReplacementText") fill(event.target);
  });
  document.addEventListener("submit", async (event) => {
    const form = event.target, button = event.submitter;
    const typed = [...form.elements].filter((field) => completed(field) && field.value.trim());
    if (!typed.length || !coming) return;
    if (known) {
      for (const field of typed) field.value = exact(field.value, known) ?? field.value;
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    await coming;
    known ??= [];
    form.requestSubmit(button);
  }, true);
}
