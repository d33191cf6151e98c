// One more field as soon as the last one holds a name; empty fields stay out of the address.
"use strict";
{
const form = document.querySelector(".wishes");
form.addEventListener("input", (event) => {
  const last = form.querySelector(".names input:last-of-type");
  if (event.target !== last || !last.value) return;
  const another = last.cloneNode();
  another.value = "";
  another.setAttribute("aria-label", another.placeholder = "another name");
  last.after(another);
});
form.addEventListener("submit", () => {
  for (const field of form.querySelectorAll("input, select"))
    if (!field.value || (field.name === "how" && field.value === "all")) field.disabled = true;
});
addEventListener("pageshow", () => { for (const field of form.elements) field.disabled = false; });
}
