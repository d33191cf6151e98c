// While a face is pointed at, or has the focus, those who are with it stand out.
"use strict";
{
  const drawing = document.querySelector(".drawing svg"), lines = drawing ? [...drawing.querySelectorAll("[data-people]")] : [];
  const look = (event) => {
    const person = event.target.closest?.("[data-person]")?.dataset.person, near = new Set([person]);
    for (const line of lines) {
      const both = line.dataset.people.split(" "), is = both.includes(person);
      line.classList.toggle("near", is);
      if (is) both.forEach((each) => near.add(each));
    }
    for (const dot of drawing.querySelectorAll("[data-person]")) dot.classList.toggle("near", near.has(dot.dataset.person));
    drawing.classList.toggle("faded", Boolean(person));
  };
  for (const name of ["pointerover", "focusin"]) drawing?.addEventListener(name, look);
  for (const name of ["pointerleave", "focusout"]) drawing?.addEventListener(name, () => drawing.classList.remove("faded"));
}
