"use strict";
// What is shown is a tree of [name, kind, size, pull, exact, children]; texts go into the page as text only.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const [NAME, KIND, SIZE, PULL, EXACT, CHILDREN] = [0, 1, 2, 3, 4, 5];
  const MOST_BOXES = 300, MOST_INNER = 40, MOST_FOUND = 200, MOST_ROWS = 2000, FEW_ROWS = 25;
  const $ = (id) => document.getElementById(id);
  const parents = new Map();
  let tree = data.tree, here = data.tree, measure = SIZE, sorted = SIZE, ascending = false, shown = FEW_ROWS;

  const children = (node) => node[CHILDREN] || [];
  const units = ["B", "kB", "MB", "GB", "TB"];
  function bytes(count) {
    let value = count, unit = 0;
    while (value >= 999.5 && unit < units.length - 1) { value /= 1000; unit += 1; }
    return `${Number(value.toPrecision(3))} ${units[unit]}`;
  }
  const share = (node) => {
    const whole = here[measure];
    return whole ? `${(100 * node[measure] / whole).toFixed(1)} %` : "";
  };
  const kindOf = (node) => data.kinds[node[KIND]];
  const told = (node) =>
    `${node[NAME]}: ${bytes(node[SIZE])} on disk, ${bytes(node[PULL])} to pull${kindOf(node) && `, ${kindOf(node)}`}`;

  function link(root) {
    parents.clear();
    const waiting = [root];
    while (waiting.length) {
      const node = waiting.pop();
      for (const child of children(node)) { parents.set(child, node); waiting.push(child); }
    }
  }

  // The same bytes by package first: sections of one executable are joined.
  function byPackage(node) {
    const sections = children(node);
    if (!sections.length) return node;
    if (data.kinds[sections[0][KIND]] !== "section") return [...node.slice(0, CHILDREN), sections.map(byPackage)];
    const owners = new Map();
    for (const section of sections) {
      for (const owner of children(section)) {
        const known = owners.get(owner[NAME]) || [owner[NAME], owner[KIND], 0, 0, 0, []];
        for (const at of [SIZE, PULL, EXACT]) known[at] += owner[at];
        known[CHILDREN].push(...children(owner));
        owners.set(owner[NAME], known);
      }
    }
    const joined = [...owners.values()].sort((a, b) => b[SIZE] - a[SIZE]);
    for (const owner of joined) owner[CHILDREN].sort((a, b) => b[SIZE] - a[SIZE]);
    return [...node.slice(0, CHILDREN), joined];
  }

  // Rows of boxes as square as they can be (Bruls, Huizing, van Wijk: "Squarified Treemaps").
  function squarify(nodes, x, y, width, height) {
    const boxes = [];
    const total = nodes.reduce((sum, node) => sum + node[measure], 0);
    if (!total || width <= 0 || height <= 0) return boxes;
    const scale = width * height / total;
    let at = 0;
    while (at < nodes.length) {
      const side = Math.min(width, height);
      let sum = 0, worst = Infinity, end = at;
      while (end < nodes.length) {
        const next = sum + nodes[end][measure] * scale;
        const largest = nodes[at][measure] * scale, smallest = nodes[end][measure] * scale;
        const ratio = Math.max(side * side * largest / (next * next), next * next / (side * side * smallest));
        if (ratio > worst) break;
        [sum, worst, end] = [next, ratio, end + 1];
      }
      const thickness = sum / side;
      let offset = 0;
      for (const node of nodes.slice(at, end)) {
        const length = node[measure] * scale / thickness;
        const isRow = width < height;
        boxes.push(isRow ? [node, x + offset, y, length, thickness] : [node, x, y + offset, thickness, length]);
        offset += length;
      }
      if (width < height) { y += thickness; height -= thickness; } else { x += thickness; width -= thickness; }
      at = end;
    }
    return boxes;
  }

  function largest(node, most) {
    const found = children(node).filter((child) => child[measure] > 0).sort((a, b) => b[measure] - a[measure]);
    if (found.length <= most) return found;
    const rest = found.splice(most - 1);
    const sums = [SIZE, PULL, EXACT].map((at) => rest.reduce((sum, one) => sum + one[at], 0));
    return [...found, [`${rest.length} smaller`, 0, ...sums]].sort((a, b) => b[measure] - a[measure]);
  }

  function hue(name) {
    let value = 7;
    for (const letter of name.split("/").slice(0, 2).join("/")) value = (value * 31 + letter.codePointAt(0)) % 3600;
    return value / 10;
  }

  // The end of a path tells more than its beginning.
  function fitted(name, width) {
    const most = Math.max(3, Math.floor(width / 7));
    if (name.length <= most || !/^[^\s(]+\/[^\s(]+$/.test(name)) return name;
    const parts = name.split("/");
    while (parts.length > 1 && parts.join("/").length + 2 > most) parts.shift();
    const rest = parts.join("/");
    return rest.length + 2 > most ? rest : `…/${rest}`;
  }

  function place(element, [, x, y, width, height]) {
    Object.assign(element.style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
  }

  function drawMap() {
    const map = $("map");
    const nodes = children(here).length ? largest(here, MOST_BOXES) : [here];
    const boxes = squarify(nodes, 0, 0, map.clientWidth, map.clientHeight);
    map.replaceChildren(...boxes.map((box, index) => {
      const [node, , , width, height] = box;
      const button = document.createElement("button");
      button.type = "button";
      button.tabIndex = index ? -1 : 0;
      button.title = `${told(node)}, ${share(node)}`;
      button.setAttribute("aria-label", button.title);
      button.style.setProperty("--hue", hue(node[NAME]));
      place(button, box);
      if (width > 46 && height > 16) {
        const name = fitted(node[NAME], width);
        for (const text of height > 32 ? [name, bytes(node[measure])] : [name]) {
          const span = document.createElement("span");
          span.textContent = text;
          button.append(span);
        }
      }
      if (children(node).length) {
        button.addEventListener("click", () => show(node, true));
        if (width > 60 && height > 70) {
          for (const inner of squarify(largest(node, MOST_INNER), 4, 38, width - 10, height - 44)) {
            const piece = document.createElement("i");
            place(piece, inner);
            if (inner[3] > 50 && inner[4] > 16) piece.textContent = fitted(inner[0][NAME], inner[3]);
            button.append(piece);
          }
        }
      } else button.classList.add("leaf");
      return button;
    }));
    map.setAttribute("aria-label", `Treemap of ${here[NAME]}: ${nodes.length} boxes`);
  }

  function moveInMap(event) {
    const boxes = [...$("map").children];
    const at = boxes.indexOf(document.activeElement);
    if (event.key === "Escape" || event.key === "Backspace") { up(); event.preventDefault(); return; }
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const to = event.key === "Home" ? 0 : event.key === "End" ? boxes.length - 1 : step ? at + step : -1;
    if (to < 0 || to >= boxes.length) return;
    event.preventDefault();
    if (at >= 0) boxes[at].tabIndex = -1;
    boxes[to].tabIndex = 0;
    boxes[to].focus();
  }

  function cell(row, text, kind) {
    const made = row.insertCell();
    made.className = kind;
    if (text instanceof Node) made.append(text); else made.textContent = text;
    return made;
  }

  function nameOf(node) {
    if (!children(node).length) return document.createTextNode(node[NAME]);
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = node[NAME];
    button.addEventListener("click", () => show(node, true));
    return button;
  }

  function drawTable() {
    const sign = ascending ? 1 : -1;
    const compare = (a, b) => (sorted === NAME ? a[NAME].localeCompare(b[NAME]) : a[sorted] - b[sorted]);
    const all = [...children(here)].sort((a, b) => sign * compare(a, b));
    const nodes = all.slice(0, shown);
    const body = $("rows");
    body.replaceChildren();
    const most = Math.max(1, ...all.map((node) => node[measure]));
    for (const node of nodes) {
      const row = body.insertRow();
      cell(row, nameOf(node), "name");
      cell(row, kindOf(node), "kind");
      cell(row, bytes(node[SIZE]), "number");
      cell(row, bytes(node[PULL]), "number");
      cell(row, share(node), "number");
      const bar = document.createElement("i");
      bar.style.width = `${100 * node[measure] / most}%`;
      cell(row, bar, "bar").setAttribute("aria-hidden", "true");
    }
    const more = all.length > nodes.length ? `, the first ${nodes.length} of ${all.length} shown` : "";
    $("caption").textContent = `In ${here[NAME]}${more}`;
    $("more").hidden = all.length <= nodes.length || shown === MOST_ROWS;
    for (const header of document.querySelectorAll("#table th[data-at]")) {
      const is = Number(header.dataset.at) === sorted;
      header.setAttribute("aria-sort", is ? (ascending ? "ascending" : "descending") : "none");
    }
  }

  function drawPath() {
    const path = [];
    for (let node = here; node; node = parents.get(node)) path.unshift(node);
    $("path").replaceChildren(...path.map((node) => {
      const item = document.createElement("li"), button = document.createElement("button");
      button.type = "button";
      button.textContent = node[NAME];
      if (node === here) button.setAttribute("aria-current", "location");
      button.addEventListener("click", () => show(node, false));
      item.append(button);
      return item;
    }));
    $("said").textContent = `${told(here)}. ${children(here).length} parts.`;
  }

  function show(node, focus) {
    here = node;
    shown = FEW_ROWS;
    drawPath();
    drawMap();
    drawTable();
    if (focus && $("map").firstChild) $("map").firstChild.focus({ preventScroll: true });
  }

  function up() { const parent = parents.get(here); if (parent) show(parent, true); }

  function search() {
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    $("results").hidden = !words.length;
    if (!words.length) return;
    const found = [], waiting = [tree];
    while (waiting.length) {
      const node = waiting.pop();
      const name = node[NAME].toLowerCase();
      if (words.every((word) => name.includes(word))) found.push(node);
      waiting.push(...children(node));
    }
    found.sort((a, b) => b[SIZE] - a[SIZE]);
    const sum = `${found.length} found${found.length > MOST_FOUND ? `, the ${MOST_FOUND} largest shown` : ""}`;
    $("found-caption").textContent = sum;
    $("found").replaceChildren();
    for (const node of found.slice(0, MOST_FOUND)) {
      const row = $("found").insertRow(), button = document.createElement("button");
      button.type = "button";
      button.textContent = node[NAME];
      button.addEventListener("click", () => {
        show(children(node).length ? node : parents.get(node) || node, false);
        $("map").scrollIntoView();
        $("map").firstChild?.focus({ preventScroll: true });
      });
      cell(row, button, "name");
      cell(row, kindOf(node), "kind");
      cell(row, bytes(node[SIZE]), "number");
      cell(row, bytes(node[PULL]), "number");
      const way = [];
      for (let above = parents.get(node); above; above = parents.get(above)) way.unshift(above[NAME]);
      cell(row, way.join(" › "), "way");
    }
  }

  function group() {
    tree = $("group").value === "package" ? byPackage(data.tree) : data.tree;
    link(tree);
    // What is nearly all of what is above it has more to show.
    let start = tree;
    const most = (node) => children(node).find((one) => one[measure] > 0.97 * node[measure] && children(one).length);
    while (most(start)) start = most(start);
    show(start, false);
    search();
  }

  $("measure").addEventListener("change", () => {
    measure = $("measure").value === "pull" ? PULL : SIZE;
    show(here, false);
  });
  $("group").addEventListener("change", group);
  $("up").addEventListener("click", up);
  $("more").addEventListener("click", () => {
    const next = $("rows").rows.length;
    shown = MOST_ROWS;
    drawTable();
    // The button is gone; who used it goes on at what it brought.
    $("rows").rows[next]?.querySelector("button")?.focus();
  });
  $("map").addEventListener("keydown", moveInMap);
  let typed = 0;
  $("search").addEventListener("input", () => { clearTimeout(typed); typed = setTimeout(search, 120); });
  for (const button of document.querySelectorAll("#table th button")) {
    button.addEventListener("click", () => {
      const at = Number(button.parentElement.dataset.at);
      ascending = at === sorted ? !ascending : at === NAME;
      sorted = at;
      drawTable();
    });
  }
  let resized = 0;
  addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(drawMap, 80); });
  group();
})();
