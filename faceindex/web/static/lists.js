// Problems and eval: try again without leaving the page; show what was counted when it is there.
"use strict";
for (const form of document.querySelectorAll("form.again[action='/do/retry-problems']")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await act("retry-problems", { problems: form.elements.problems.value });
    const rows = form.elements.problems.value === "all" ? document.querySelectorAll(".trouble") : [form.closest(".trouble")];
    for (const row of rows) {
      row.querySelector(".next-try").textContent = "the next scan tries again";
      row.querySelector("form")?.remove();
    }
  });
}

const counting = document.getElementById("counting");
if (counting) {
  const asking = setInterval(async () => {
    if ((await (await fetch("/eval/ready")).text()) !== "yes") return;
    clearInterval(asking);
    if (counting.dataset.first === "yes") location.replace("/eval");
    else counting.firstChild.textContent = "It was counted again. ";
  }, 1000);
}
