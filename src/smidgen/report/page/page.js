"use strict";
// What every page does: light or dark, and a search in the tables of a section.
(() => {
  for (const element of document.querySelectorAll("[data-script]")) element.hidden = false;

  document.getElementById("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const preferred = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    root.dataset.theme = (root.dataset.theme || preferred) === "dark" ? "light" : "dark";
  });

  for (const input of document.querySelectorAll("input[data-filter]")) {
    const place = input.closest("[data-filtered]");
    const said = place.querySelector("[data-said]");
    let waiting = 0;
    const filter = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let found = 0;
      for (const row of place.querySelectorAll("tbody tr")) {
        const name = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => name.includes(word));
        found += row.hidden ? 0 : 1;
      }
      said.textContent = words.length ? `${found} found` : "";
    };
    input.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(filter, 120); });
  }
})();
