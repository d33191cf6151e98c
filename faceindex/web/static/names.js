// Known names, offered while one types: every <datalist data-names> is filled for the field that has the focus.
"use strict";
{
  let wait = null, asked = null;
  document.addEventListener("input", (event) => {
    const field = event.target, list = field.list;
    if (!list || !("names" in list.dataset) || event.inputType === "insertReplacementText" || !event.inputType) return;
    clearTimeout(wait);
    wait = setTimeout(async () => {
      const typed = asked = field.value.trim();
      if (!typed) return;
      try {
        const answer = await (await fetch("/names?q=" + encodeURIComponent(typed))).json();
        if (asked !== typed) return;  // something else was typed since
        list.replaceChildren(...answer.slice(0, 20).map((name) => new Option(name, name)));
      } catch { /* then one types it out */ }
    }, 120);
  });
}
